// A hub on upstreams that tests move by hand, and what its viewers get, taken apart.
import assert from "node:assert/strict";
import { counterOf, packetLength, payloadAt, pidOf } from "../../../core/formats/mpegts.ts";
import { createHub, type Hub, type HubObserver, type Want } from "../../../core/hub/index.ts";
import { silentObserver } from "../../../core/hub/observer.ts";
import type { LineupChannel, Source, Tune } from "../../../core/plugin.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel } from "../../support/host.ts";
import { packet, packetsOf, pat, pes, pmt } from "../formats/packets.ts";

const videoPid = 0x100;
const mapPid = 0x1000;
const sps = [0, 0, 0, 1, 0x67, 0x42];

/** An upstream that says what it is told to. */
export interface TestUpstream {
  readonly name: string;
  /** What the next openings do; default: open at once. */
  behaviour: "open" | "refuse" | "hang" | "silent";
  /** Openings so far, and connections that are open now. */
  readonly opened: number;
  readonly open: number;
  /** Most that were open at once. */
  readonly peak: number;
  /** Sends so many packets to every connection, beginning a picture group every `group` packets. */
  send(packets: number): void;
  sendBytes(bytes: Uint8Array): void;
  end(): void;
  fail(error: Error): void;
  source(signal: AbortSignal): Promise<Source>;
}

interface Connection {
  readonly queue: (Uint8Array | Error | "end")[];
  wake?: () => void;
}

/** @param group packets from one key frame to the next */
export function createUpstream(name: string, group = 50, patient = false): TestUpstream {
  const connections = new Set<Connection>();
  const counters = new Map<number, number>();
  let opened = 0;
  let peak = 0;
  let serial = 0;

  const next = (pid: number) => {
    const counter = counters.get(pid) ?? 0;
    counters.set(pid, (counter + 1) & 15);
    return counter;
  };
  const push = (what: Uint8Array | Error | "end") => {
    for (const connection of connections) {
      connection.queue.push(what);
      connection.wake?.();
    }
  };

  const upstream: TestUpstream = {
    name,
    behaviour: "open",
    get opened() {
      return opened;
    },
    get open() {
      return connections.size;
    },
    get peak() {
      return peak;
    },
    send(count) {
      const parts: Uint8Array[] = [];
      for (let index = 0; index < count; index++, serial++) {
        if (serial % group === 0) {
          parts.push(packetsOf(0, pat({ 1: mapPid }), next(0)));
          parts.push(packetsOf(mapPid, pmt(1, videoPid, [{ pid: videoPid, type: 0x1b }]), next(mapPid)));
        }
        // Every packet is told from every other by its last bytes.
        const mark = Array.from(new TextEncoder().encode(`\0${name}#${String(serial).padStart(8, "0")}`));
        const body = serial % group === 0 ? [...pes(sps, serial), ...mark] : mark;
        parts.push(packet(videoPid, body, { starts: serial % group === 0, counter: next(videoPid) }));
      }
      push(concat(parts));
    },
    sendBytes: push,
    end: () => push("end"),
    fail: push,
    async source(signal) {
      opened++;
      if (upstream.behaviour === "refuse") throw new Error(`${name} refuses`);
      if (upstream.behaviour === "hang")
        return await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      const connection: Connection = { queue: [] };
      connections.add(connection);
      peak = Math.max(peak, connections.size);
      signal.addEventListener("abort", () => connection.wake?.(), { once: true });
      async function* chunks() {
        try {
          for (;;) {
            signal.throwIfAborted();
            const what = connection.queue.shift();
            if (what === "end") return;
            if (what instanceof Error) throw what;
            if (what) yield what;
            else await new Promise<void>((resolve) => (connection.wake = resolve));
          }
        } finally {
          connections.delete(connection);
        }
      }
      return { kind: "ts", chunks: chunks(), patient, how: "test" };
    },
  };
  return upstream;
}

export interface RigChannel {
  readonly upstreams: readonly TestUpstream[];
  readonly wants?: readonly Want[];
  /** Whose the upstreams are; default: of `one`. */
  readonly instances?: readonly string[];
}

/** A hub whose channels have these upstreams, best first. */
export function createRig(
  channels: Readonly<Record<string, RigChannel>>,
  o: {
    slate?: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
    slateFor?: number;
    linger?: number;
    observer?: Partial<HubObserver>;
  } = {},
) {
  const clock = createTestClock();
  const said: string[] = [];
  const say = (sentence: string) => void said.push(sentence);
  const log = { debug: say, info: say, warn: say, error: say };
  const hub: Hub = createHub({
    clock,
    log,
    ...(o.slate ? { slate: o.slate } : {}),
    observer: { ...silentObserver, ...o.observer },
    settings: () => ({ linger: o.linger ?? 5000, stall: 2000, slate: o.slateFor ?? 0 }),
    candidates: ({ channel }) =>
      (channels[channel.name]?.upstreams ?? []).map((upstream, index) => ({
        key: `${channel.name} ${upstream.name}`,
        instance: channels[channel.name]?.instances?.[index] ?? "one",
        shown: upstream.name,
        wants: () => channels[channel.name]?.wants ?? [],
        open: (signal) => upstream.source(signal),
        openHls: () => Promise.reject(new Error("no HLS here")),
      })),
  });
  const channel = (name: string): LineupChannel => lineupChannel({ name });
  const tune = (name: string, past: Omit<Tune, "channel"> = {}): Tune => ({ channel: channel(name), ...past });
  return { hub, clock, said, tune };
}

/** A viewer that reads when it is told to. */
export function createReader(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let reading: Promise<unknown> | undefined;
  let ended = false;
  const read = () => {
    reading ??= reader.read().then(
      ({ done, value }) => {
        reading = undefined;
        if (done) ended = true;
        else chunks.push(value);
      },
      () => {
        ended = true;
      },
    );
    return reading;
  };
  return {
    get bytes() {
      return concat(chunks);
    },
    get ended() {
      return ended;
    },
    /** Reads until nothing comes any more while the clock stands still. */
    async drain(settle: () => Promise<void>) {
      for (let before = -1; before !== chunks.length && !ended; ) {
        before = chunks.length;
        read();
        await settle();
      }
    },
    leave: () => reader.cancel(),
  };
}

/** What upstream's packets say in order, and what they must keep to. @throws when a counter jumps without a mark */
export function contentsOf(bytes: Uint8Array): string[] {
  assert.equal(bytes.length % packetLength, 0, "packets are whole");
  const last = new Map<number, number>();
  const contents: string[] = [];
  for (let at = 0; at < bytes.length; at += packetLength) {
    assert.equal(bytes[at], 0x47, `no sync byte at ${at}`);
    const pid = pidOf(bytes, at);
    const counter = counterOf(bytes, at);
    const hasPayload = payloadAt(bytes, at) !== undefined;
    const marked = ((bytes[at + 3] ?? 0) & 0x20) !== 0 && ((bytes[at + 5] ?? 0) & 0x80) !== 0 && bytes[at + 4] !== 0;
    const before = last.get(pid);
    if (before !== undefined && !marked)
      assert.equal(counter, (before + (hasPayload ? 1 : 0)) & 15, `counter of PID ${pid} at ${at}`);
    last.set(pid, counter);
    const text = new TextDecoder("latin1").decode(bytes.subarray(at, at + packetLength));
    if (!hasPayload) contents.push("mark");
    else if (pid === 0) contents.push("PAT");
    else if (pid === mapPid) contents.push("PMT");
    else contents.push(/\w+#\d{8}$/.exec(text)?.[0] ?? "?");
  }
  return contents;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
