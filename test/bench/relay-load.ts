// What the relay bench is made of: a live transport stream in time, viewers that check some of what they get, and CPU.
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { readdir, readFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { pidOf, readPcr } from "../../core/formats/mpegts.ts";
import type { Loop } from "../../providers/testcard/loop.ts";
import { createPacketCheck } from "../support/media-packets.ts";

/** When each clock reference left, in milliseconds: what latency is told by. */
export type Departures = Map<number, number>;

/** Calls `send` with the loop's batches when they are due, `rate` times as fast, until the signal aborts. */
export function pace(loop: Loop, rate: number, signal: AbortSignal, send: (bytes: Uint8Array) => void): void {
  const begun = performance.now();
  let next = 0;
  const timer = setInterval(() => {
    if (signal.aborted) return clearInterval(timer);
    for (let batch = loop.batch(next); batch.at / rate <= performance.now() - begun; batch = loop.batch(++next))
      send(batch.bytes);
  }, 4);
}

/** Sends the loop to a group on loopback as RTP (RFC 3550, RFC 2250), seven packets a datagram. */
export async function sendRtp(o: {
  readonly group: string;
  readonly port: number;
  readonly loop: Loop;
  readonly rate: number;
  readonly signal: AbortSignal;
  readonly departures?: Departures;
  /** Grows with what is sent. */
  readonly sent?: { bytes: number };
}): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  socket.setMulticastInterface("127.0.0.1");
  let sequence = 0;
  o.signal.addEventListener("abort", () => socket.close());
  pace(o.loop, o.rate, o.signal, (bytes) => {
    for (let at = 0; at < bytes.length; at += 1316) {
      const piece = bytes.subarray(at, at + 1316);
      const datagram = Buffer.alloc(12 + piece.length);
      datagram.set([0x80, 33]);
      datagram.writeUInt16BE(sequence++ & 0xffff, 2);
      datagram.set(piece, 12);
      if (o.sent) o.sent.bytes += piece.length;
      if (o.departures) depart(o.departures, piece);
      socket.send(datagram, o.port, o.group, () => {});
    }
  });
}

/** Remembers when the clock references in some packets left. */
function depart(departures: Departures, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 188) {
    const pcr = readPcr(bytes, at);
    if (pcr === undefined) continue;
    departures.set(pcr, performance.now());
    if (departures.size > 5000) departures.delete(departures.keys().next().value ?? 0);
  }
}

/** What some viewers got. */
export interface Taken {
  bytes: number;
  /** Packets that do not continue, of the viewers that look. */
  errors: number;
  /** Milliseconds from departure to arrival, of the viewers that look. */
  readonly latencies: number[];
  /** Milliseconds until each viewer's first byte. */
  readonly firsts: number[];
  /** Bytes of the viewer that got least. */
  least: number;
  refused: number;
}

/**
 * So many viewers of each address, for so many milliseconds after all have begun; `stalled` of them read nothing, one
 * in `every` looks at its packets.
 */
export async function watchAll(
  urls: readonly string[],
  o: {
    readonly viewers: number;
    readonly ms: number;
    readonly every?: number;
    readonly departures?: Departures;
    readonly measured?: () => Promise<void>;
  },
): Promise<Taken> {
  const taken: Taken = { bytes: 0, errors: 0, latencies: [], firsts: [], least: 0, refused: 0 };
  const all = urls.flatMap((url) =>
    Array.from({ length: o.viewers }, (_, n) => openViewer(url, n % (o.every ?? 25) === 0)),
  );
  await Promise.all(all.map(({ begun }) => begun));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (const viewer of all) viewer.restart();
  await o.measured?.();
  await new Promise((resolve) => setTimeout(resolve, o.ms));
  await o.measured?.();
  for (const viewer of all) {
    taken.bytes += viewer.bytes;
    taken.errors += viewer.errors;
    taken.refused += viewer.refused ? 1 : 0;
    taken.latencies.push(...viewer.latencies);
    taken.firsts.push(viewer.first);
    viewer.close();
  }
  taken.least = Math.min(...all.map(({ bytes }) => bytes));
  return taken;

  function openViewer(url: string, looks: boolean) {
    const { hostname, port, pathname } = new URL(url);
    const asked = performance.now();
    const check = createPacketCheck();
    const viewer = {
      bytes: 0,
      refused: false,
      first: 0,
      latencies: [] as number[],
      begun: Promise.resolve(),
      errors: 0,
      restart() {
        viewer.bytes = 0;
        viewer.latencies.length = 0;
      },
      close: () => {},
    };
    viewer.begun = new Promise((resolve) => {
      if (!looks) {
        // The cheapest reader there is: only the size of what comes.
        const socket = net.connect(Number(port), hostname, () =>
          socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`),
        );
        socket.on("data", (chunk: Buffer) => {
          if (viewer.first === 0) {
            viewer.first = performance.now() - asked;
            viewer.refused = !chunk.subarray(0, 16).toString().includes(" 200 ");
            resolve();
          }
          viewer.bytes += chunk.length;
        });
        socket.on("error", () => resolve()).on("close", () => resolve());
        viewer.close = () => void socket.destroy();
        return;
      }
      const request = http.get(url, { agent: false }, (answer) => {
        viewer.refused = answer.statusCode !== 200;
        answer.on("data", (chunk: Buffer) => {
          if (viewer.first === 0) viewer.first = performance.now() - asked;
          viewer.bytes += chunk.length;
          check.push(chunk);
          viewer.errors = check.errors;
          if (o.departures) arrive(chunk, viewer.latencies, o.departures);
          resolve();
        });
        answer.on("error", () => {});
      });
      request.on("error", () => resolve());
      viewer.close = () => void request.destroy();
    });
    return viewer;
  }
}

const restBySink = new WeakMap<number[], Uint8Array>();

/** Looks up when the clock references in a chunk left. */
function arrive(chunk: Uint8Array, latencies: number[], departures: Departures): void {
  const rest = restBySink.get(latencies) ?? new Uint8Array(0);
  const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  let at = 0;
  const now = performance.now();
  for (; at + 188 <= bytes.length; at += 188) {
    if (pidOf(bytes, at) === 0x1fff) continue;
    const pcr = readPcr(bytes, at);
    const left = pcr === undefined ? undefined : departures.get(pcr);
    if (left !== undefined) latencies.push(now - left);
  }
  restBySink.set(latencies, new Uint8Array(bytes.subarray(at)));
}

/** Viewers that ask and read nothing. Gives what ends them. */
export function stall(url: string, count: number): () => void {
  const { hostname, port, pathname } = new URL(url);
  const sockets = Array.from({ length: count }, () => {
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
      socket.pause();
    });
    return socket.on("error", () => {});
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** CPU of a process and its children in milliseconds, and its memory in MiB: now, and at its peak. */
export async function costOf(pid: number): Promise<{ cpu: number; rss: number; peak: number }> {
  let ticks = 0;
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (Number(name) === pid || Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12]);
  }
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const of = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { cpu: ticks * 10, rss: of("VmRSS"), peak: of("VmHWM") };
}

/** The value below which so large a share of all lie. */
export function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
