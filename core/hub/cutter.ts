// Makes batches of whole packets out of bytes as they come: finds sync, waits for a picture, marks splices, counts losses.
import { createProgrammeReader, programmeFlags } from "../formats/keyframe.ts";
import { counterOf, packetLength, payloadAt, pidOf, writeCounter } from "../formats/mpegts.ts";
import { createSplicer } from "../formats/splice.ts";
import type { Joint, Ring } from "./ring.ts";
import { syncFrom } from "./sync.ts";

/** 348 packets: the most that still fits in 64 KiB. */
export const batchBytes = 348 * packetLength;

/** So many bytes in a row are put into the ring as they came: nothing writes to them any more. */
const byReference = 12 * 1024;
/** While a new upstream has shown no picture, this many bytes are passed over for one. */
const patience = 8 * 2 ** 20;
/** A stream of sound alone may be joined anywhere; one joint in so many bytes is enough. */
const jointGap = 16 * 1024;
const unknown = 0xff;
const nullPid = 0x1fff;
const nothing = new Uint8Array(0);

/** What comes out does not depend on how the bytes were cut when they came. */
export interface Cutter {
  /** Takes bytes as they come. True when it has put a batch into the ring. */
  write(chunk: Uint8Array): boolean;
  /** Puts what waits into the ring, whether or not a batch is full. */
  flush(): void;
  /** What follows comes from elsewhere: a packet that is not whole is dropped, and a picture is waited for. */
  splice(): void;
  /** What follows comes from the same upstream, but does not continue. */
  gap(): void;
  /** Does not wait for a picture any longer. */
  release(): void;
  /** A joint at the end of the ring, for who has nothing better; puts what waits into the ring. */
  edge(): Joint;
  /** Bytes that wait for `flush()`. */
  readonly waiting: number;
  /** Packets seen so far, sent or not. */
  readonly packets: number;
  /** Bytes let through, marks and tables included. */
  readonly sent: number;
  /** True until the first packet after a splice has been let through; and bytes that were held back since. */
  readonly holding: boolean;
  readonly held: number;
  /** True once the tables of the programme are known. */
  readonly tabled: boolean;
  /** Counters that jumped without saying so (§2.4.3.3). */
  readonly errors: number;
  /** Bytes that were in no packet. */
  readonly garbage: number;
  /** True once a random-access point was seen. */
  readonly pictured: boolean;
}

export function createCutter(ring: Ring): Cutter {
  const splicer = createSplicer();
  const counters = new Uint8Array(8192).fill(unknown);
  /** PIDs whose counters are known. */
  let seen: number[] = [];
  let programme = createProgrammeReader();
  let room = new Uint8Array(batchBytes);
  let from = 0;
  let to = 0;
  let batch = ring.next;
  let rest: Uint8Array = nothing;
  let synced = false;
  let holding = true;
  let released = false;
  let held = 0;
  let packets = 0;
  let errors = 0;
  let garbage = 0;
  let pictured = false;
  let lastJoint = Number.NEGATIVE_INFINITY;
  let sent = 0;

  function flush(): void {
    if (to === from) return;
    ring.push(room.subarray(from, to));
    batch++;
    from = to;
    if (to < room.length) return;
    room = new Uint8Array(batchBytes);
    from = to = 0;
  }

  /** Takes whole packets; a batch that is full goes at once, so that there is always room. Much is not copied. */
  function put(bytes: Uint8Array, start: number, end: number): void {
    sent += end - start;
    if (end - start >= byReference) {
      flush();
      for (let at = start; at < end; at += batchBytes, batch++)
        ring.push(bytes.subarray(at, Math.min(at + batchBytes, end)));
      return;
    }
    for (let at = start; at < end; ) {
      const count = Math.min(end - at, room.length - to);
      room.set(bytes.subarray(at, at + count), to);
      at += count;
      to += count;
      if (to === room.length) flush();
    }
  }

  /** PAT and PMT as last seen, in one piece; they have the counters of the last packets of their PIDs. */
  function tables(): Uint8Array {
    const parts = programme.pat ? [programme.pat, ...programme.pmt] : [];
    const all = new Uint8Array(parts.length * packetLength);
    for (const [index, part] of parts.entries()) all.set(part, index * packetLength);
    let pid = -1;
    let counter = 0;
    for (let at = all.length - packetLength; at >= 0; at -= packetLength) {
      const before = counter - 1;
      const same = pid === pidOf(all, at);
      pid = pidOf(all, at);
      const known = counters[pid] ?? unknown;
      counter = same ? before : known === unknown ? counterOf(all, at) : known;
      writeCounter(all, at, counter & 0x0f);
    }
    return all;
  }

  function jointHere(): Joint {
    const pairs: number[] = [];
    for (const pid of seen) pairs.push(pid, counters[pid] ?? 0);
    return { batch, offset: to - from, tables: tables(), counters: pairs };
  }

  function mark(): void {
    if (sent - lastJoint < jointGap && !programme.hasVideo) return;
    lastJoint = sent;
    ring.mark(jointHere());
  }

  function checkCounter(bytes: Uint8Array, at: number): void {
    const pid = pidOf(bytes, at);
    if (pid === nullPid) return;
    const before = counters[pid] ?? unknown;
    const counter = counterOf(bytes, at);
    counters[pid] = counter;
    if (before === unknown) {
      seen.push(pid);
      return;
    }
    const control = (bytes[at + 3] ?? 0) & 0x30;
    // The usual case: payload alone, one step on.
    if (control === 0x10 && counter === ((before + 1) & 0x0f)) return;
    if ((control & 0x20) !== 0 && bytes[at + 4] !== 0 && ((bytes[at + 5] ?? 0) & 0x80) !== 0) return;
    // A packet may be sent twice (§2.4.3.3).
    const next = before + (payloadAt(bytes, at) === undefined ? 0 : 1);
    if (counter !== (next & 0x0f) && counter !== before) errors++;
  }

  /** True when the packet is let through. Before what must stand before it, packets from `run` on are put. */
  function look(bytes: Uint8Array, at: number, run: number): boolean {
    packets++;
    const flags = programme.read(bytes, at);
    const start = (flags & programmeFlags.randomAccess) !== 0;
    if (holding) {
      held += packetLength;
      if (!start && !released && held < patience) return false;
      holding = false;
      if ((flags & programmeFlags.pat) === 0) begin(pidOf(bytes, at));
    }
    const gapMark = splicer.markBefore(bytes, at);
    if (start || gapMark) {
      put(bytes, run, at);
      if (start) {
        pictured = true;
        mark();
      }
      if (gapMark) put(gapMark, 0, packetLength);
    }
    checkCounter(bytes, at);
    return !(start || gapMark);
  }

  /** The tables as last seen, before the first packet that is let through, unless that is one of them. */
  function begin(next: number): void {
    const head = tables();
    for (let at = 0; at < head.length; at += packetLength) {
      if (pidOf(head, at) === next) continue;
      const gapMark = splicer.markBefore(head, at);
      if (gapMark) put(gapMark, 0, packetLength);
      checkCounter(head, at);
      put(head, at, at + packetLength);
    }
  }

  /** What is left over of a chunk is copied: it must not keep the chunk. */
  function keep(bytes: Uint8Array, at: number): void {
    rest = at < bytes.length ? new Uint8Array(bytes.subarray(at)) : nothing;
  }

  /** Whole packets from `at` on, as long as they begin as packets do. Returns where they end. */
  function pass(bytes: Uint8Array, start: number): number {
    let at = start;
    let run = at;
    for (; at + packetLength <= bytes.length && bytes[at] === 0x47; at += packetLength) {
      if (look(bytes, at, run)) continue;
      // The packets before it have gone, or were not to.
      run = holding ? at + packetLength : at;
    }
    if (run < at) put(bytes, run, at);
    return at;
  }

  function write(chunk: Uint8Array): boolean {
    const before = batch;
    let bytes = chunk;
    let at = 0;
    if (rest.length > 0) {
      const missing = packetLength - rest.length;
      if (synced && rest[0] === 0x47 && chunk.length >= missing) {
        const whole = new Uint8Array(packetLength);
        whole.set(rest);
        whole.set(chunk.subarray(0, missing), rest.length);
        pass(whole, 0);
        at = missing;
      } else {
        bytes = new Uint8Array(rest.length + chunk.length);
        bytes.set(rest);
        bytes.set(chunk, rest.length);
      }
      rest = nothing;
    }
    for (;;) {
      if (!synced) {
        const next = syncFrom(bytes, at);
        garbage += next.at - at;
        at = next.at;
        synced = next.found;
        if (!synced) break;
      }
      at = pass(bytes, at);
      if (at + packetLength > bytes.length) break;
      synced = false;
      // A packet may have gone with what was taken for one: nothing is sure to continue.
      forget();
    }
    keep(bytes, at);
    return batch !== before;
  }

  function forget(): void {
    counters.fill(unknown);
    seen = [];
    // What goes out first continues nothing.
    if (sent > 0) splicer.splice();
  }

  return {
    write,
    flush,
    splice() {
      rest = nothing;
      synced = false;
      holding = true;
      released = false;
      held = 0;
      lastJoint = Number.NEGATIVE_INFINITY;
      programme = createProgrammeReader();
      forget();
    },
    gap: forget,
    release() {
      released = true;
    },
    edge() {
      flush();
      return jointHere();
    },
    get waiting() {
      return to - from;
    },
    get packets() {
      return packets;
    },
    get sent() {
      return sent;
    },
    get holding() {
      return holding;
    },
    get held() {
      return held;
    },
    get tabled() {
      return programme.programme !== undefined;
    },
    get errors() {
      return errors;
    },
    get garbage() {
      return garbage;
    },
    get pictured() {
      return pictured;
    },
  };
}
