// Upstreams of the model: every packet says whose it is and which, so that what viewers get can be traced back.
import { packetLength } from "../../../core/formats/mpegts.ts";
import type { HlsSession } from "../../../core/hub/index.ts";
import type { Clock, Source, Tune } from "../../../core/plugin.ts";
import { packet, packetsOf, pat, pes, pmt } from "../formats/packets.ts";

const mapPid = 0x1000;
const videoPid = 0x100;
const audioPid = 0x101;
/** Service information, of which the programme's map says nothing. */
const otherPid = 0x11;

const templates = [
  packetsOf(0, pat({ 1: mapPid })),
  packetsOf(
    mapPid,
    pmt(1, videoPid, [
      { pid: videoPid, type: 0x1b },
      { pid: audioPid, type: 0x0f },
    ]),
  ),
  packet(videoPid, pes([0, 0, 0, 1, 0x67, 0x42, ...new Array<number>(150).fill(1)]), { starts: true }),
  packet(videoPid, new Array<number>(184).fill(2), { starts: false }),
  packet(audioPid, new Array<number>(184).fill(3), { starts: false }),
  packet(otherPid, new Array<number>(184).fill(4), { starts: false }),
];
const pids = [0, mapPid, videoPid, videoPid, audioPid, otherPid];
/** What a group of pictures is made of: indices of templates. */
const group = [0, 1, 2, 3, 4, 3, 3, 5, 3, 4, 3, 3, 3, 4, 3, 3];
const lateKey = [0, 1, 3, 3, 4, 3, 3, 5, 3, 4, 3, 3, 3, 4, 3, 3];

/** What a packet says of itself. */
export interface Trace {
  readonly upstream: number;
  readonly connection: number;
  readonly serial: number;
  readonly kind: "table" | "key" | "other";
}

/** @returns undefined for a packet that is not as some upstream made it */
export function traceOf(bytes: Uint8Array, at: number): Trace | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + packetLength - 12, 12);
  if (view.getUint16(0) !== 0xa55a) return undefined;
  const [upstream, template, connection, serial] = [
    view.getUint8(2),
    view.getUint8(3),
    view.getUint32(4),
    view.getUint32(8),
  ];
  return { upstream, connection, serial, kind: template < 2 ? "table" : template === 2 ? "key" : "other" };
}

export type Behaviour = "open" | "refuse" | "hang" | "silent" | "garbage" | "deaf" | "hls" | "keyless" | "brief";
export const behaviours: readonly Behaviour[] = [
  "open",
  "refuse",
  "hang",
  "silent",
  "garbage",
  "deaf",
  "hls",
  "keyless",
  "brief",
];

type Item = Uint8Array | Error | "end";

/** One opening, from its first moment until it is closed. */
export interface Connection {
  readonly id: number;
  readonly signal: AbortSignal;
  readonly patient: boolean;
  readonly keyless: boolean;
  /** Packets made so far. */
  made: number;
  /** Where key frames are, by serial. */
  lastKey: number;
  /** Bytes were lost in a packet, so that neither it nor counters are as they were. */
  torn: boolean;
  /** Bytes came that are in no packet. */
  garbled: boolean;
  ended: boolean;
  /** When its signal was aborted. */
  abortedAt: number | undefined;
  take(): Promise<Item>;
}

export interface ModelUpstream {
  readonly id: number;
  readonly instance: string;
  behaviour: Behaviour;
  /** Milliseconds that closing, and a deaf opening, take. */
  closing: number;
  deafness: number;
  /** Sends while time passes. */
  steady: boolean;
  readonly connections: ReadonlySet<Connection>;
  source(tune: Tune, signal: AbortSignal): Promise<Source>;
  session(signal: AbortSignal): Promise<HlsSession>;
  send(packets: number, cut: number): void;
  pushAll(item: Item): void;
  spoil(): void;
  tear(): void;
}

export interface UpstreamSetup {
  readonly id: number;
  readonly instance: string;
  readonly clock: Clock;
  /** Packets of a past. */
  readonly length: number;
  /** Numbers connections. */
  nextId(): number;
  /** An upstream is being opened: what is open is counted now. */
  opening(): void;
}

export function createModelUpstream(o: UpstreamSetup): ModelUpstream {
  const { clock } = o;
  const open = new Set<Connection & { push(item: Item): void; wake(): void; readonly counters: Map<number, number> }>();

  function make(
    connection: { id: number; made: number; lastKey: number; keyless: boolean; counters: Map<number, number> },
    count: number,
  ) {
    const bytes = new Uint8Array(count * packetLength);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < count; index++) {
      const serial = connection.made++;
      const kind = (connection.keyless ? lateKey : group)[serial % group.length] ?? 3;
      if (kind === 2) connection.lastKey = serial;
      const at = index * packetLength;
      bytes.set(templates[kind] ?? new Uint8Array(), at);
      const pid = pids[kind] ?? 0;
      const counter = connection.counters.get(pid) ?? (connection.id * 7 + pid) & 15;
      connection.counters.set(pid, (counter + 1) & 15);
      bytes[at + 3] = ((bytes[at + 3] ?? 0) & 0xf0) | counter;
      const end = at + packetLength - 12;
      view.setUint16(end, 0xa55a);
      view.setUint8(end + 2, o.id);
      view.setUint8(end + 3, kind);
      view.setUint32(end + 4, connection.id);
      view.setUint32(end + 8, serial);
    }
    return bytes;
  }

  function connect(signal: AbortSignal, patient: boolean, keyless: boolean) {
    const queue: Item[] = [];
    let wake = () => {};
    const connection = {
      ...{ id: o.nextId(), signal, patient, keyless, made: 0, lastKey: -1, torn: false, garbled: false, ended: false },
      abortedAt: signal.aborted ? clock.monotonic() : (undefined as number | undefined),
      counters: new Map<number, number>(),
      wake: () => wake(),
      push(item: Item) {
        queue.push(item);
        wake();
      },
      async take(): Promise<Item> {
        for (;;) {
          signal.throwIfAborted();
          const item = queue.shift();
          if (item !== undefined) return item;
          if (patient && upstream.behaviour !== "silent") {
            // A past is there at once, to its end.
            if (connection.made >= o.length) return "end";
            return make(connection, Math.min(o.length - connection.made, 1 + (connection.made % 40)));
          }
          await new Promise<void>((resolve) => (wake = resolve));
        }
      },
    };
    signal.addEventListener(
      "abort",
      () => {
        connection.abortedAt = clock.monotonic();
        wake();
      },
      { once: true },
    );
    open.add(connection);
    o.opening();
    return connection;
  }

  async function close(connection: Connection): Promise<void> {
    connection.ended = true;
    if (upstream.closing > 0) await clock.sleep(upstream.closing);
    for (const each of open) if (each === connection) open.delete(each);
  }

  function chunksOf(connection: Connection & { push(item: Item): void }): AsyncIterable<Uint8Array> {
    let started = false;
    connection.signal.addEventListener(
      "abort",
      () => {
        if (!started) void close(connection);
      },
      { once: true },
    );
    return (async function* () {
      started = true;
      try {
        for (;;) {
          const item = await connection.take();
          if (item === "end") return;
          if (item instanceof Error) throw item;
          yield item;
        }
      } finally {
        await close(connection);
      }
    })();
  }

  const upstream: ModelUpstream = {
    id: o.id,
    instance: o.instance,
    behaviour: "open",
    closing: 0,
    deafness: 5000,
    steady: true,
    connections: open,

    async source(tune, signal) {
      const { behaviour } = upstream;
      const past = tune.at !== undefined;
      if (behaviour === "hls" && !past) return { kind: "hls", url: "http://hls.example/" };
      const connection = connect(signal, past, behaviour === "keyless");
      if (behaviour === "refuse") {
        open.delete(connection);
        throw new Error("refused");
      }
      if (behaviour === "hang") {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        open.delete(connection);
        throw signal.reason;
      }
      if (behaviour === "deaf") await clock.sleep(upstream.deafness);
      if (behaviour === "garbage") connection.push(new Uint8Array(700).fill(0x3c));
      else if (behaviour !== "silent" && !past) connection.push(make(connection, 5));
      if (behaviour === "brief") connection.push("end");
      return { kind: "ts", chunks: chunksOf(connection), patient: past, how: "model" };
    },

    async session(signal) {
      const life = new AbortController();
      signal.addEventListener("abort", () => life.abort(signal.reason), { once: true });
      return {
        async playlist() {
          life.signal.throwIfAborted();
          if (upstream.behaviour === "refuse") throw new Error("no playlist");
          return "#EXTM3U";
        },
        part: async () => undefined,
        join(gap, joining) {
          void gap;
          const connection = connect(AbortSignal.any([life.signal, joining]), false, false);
          if (upstream.behaviour !== "silent") connection.push(make(connection, 5));
          return chunksOf(connection);
        },
        async close() {
          life.abort(new Error("closed"));
          if (upstream.closing > 0) await clock.sleep(upstream.closing);
        },
      };
    },

    send(packets, cut) {
      for (const connection of open) {
        if (connection.patient || connection.ended) continue;
        const bytes = make(connection, packets);
        if (cut === 0) connection.push(bytes);
        for (let at = 0; cut > 0 && at < bytes.length; at += cut) connection.push(bytes.subarray(at, at + cut));
      }
    },
    pushAll(item) {
      for (const connection of open) connection.push(item);
    },
    spoil() {
      for (const connection of open) {
        connection.garbled = true;
        connection.push(new Uint8Array(333).fill(0x3c));
      }
    },
    tear() {
      for (const connection of open) {
        if (connection.patient) continue;
        connection.torn = true;
        connection.push(make(connection, 1).subarray(0, 100));
      }
    },
  };
  return upstream;
}
