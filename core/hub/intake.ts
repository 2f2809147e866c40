// Where an upstream's bytes come in: cut into batches, put into the ring, handed to the viewers in good time.
import type { Clock } from "../plugin.ts";
import { type Cutter, createCutter } from "./cutter.ts";
import type { HubObserver } from "./observer.ts";
import { createRing, type Ring } from "./ring.ts";
import type { Sizes } from "./sizes.ts";

/** How much is gathered before it is sent: bytes, and milliseconds. */
export interface Pace {
  readonly bytes: number;
  readonly wait: number;
}

export interface IntakeOptions {
  readonly clock: Clock;
  readonly observer: HubObserver;
  readonly sizes: Sizes;
  pace(): Pace;
  /** The ring has more for the viewers. */
  deliver(): void;
  /** The first packet has been let through. */
  began(): void;
}

export interface Intake {
  readonly ring: Ring;
  readonly cutter: Cutter;
  take(chunk: Uint8Array): void;
  /** Puts what waits into the ring now. */
  flush(): void;
  /** Another upstream comes next. */
  splice(): void;
  /** The same upstream comes next, but much later: nothing of what there is may be joined. */
  restart(): void;
  /** Looks after what time brings about. */
  tick(): void;
  /** When packets last came; set it when somebody begins to wait for them. */
  touched: number;
  /** When the last upstream began, and whether anything of it has been let through. */
  readonly splicedAt: number;
  readonly passes: boolean;
  /** What has come of the last upstream is much, and no transport stream. */
  readonly unreadable: boolean;
  /** Something has been let through, ever. */
  readonly hasBegun: boolean;
  readonly bytes: number;
  /** Bits a second. */
  readonly bitrate: number;
}

/** Milliseconds for which a picture is waited for, and for tables, which are due ten times a second (ETSI TR 101 154 §4.1.7). */
const holdLimit = 5000;
const tablesLimit = 1000;
const rateSpan = 1000;
/** Bytes without a packet among them after which they are no transport stream. */
const garbageLimit = 2 ** 20;

export function createIntake(o: IntakeOptions): Intake {
  const { clock, observer } = o;
  const ring = createRing(o.sizes.kept, o.sizes.most);
  const cutter = createCutter(ring);
  const start = clock.monotonic();
  let bytes = 0;
  let bitrate = 0;
  let measuredAt = start;
  let measuredBytes = 0;
  let errors = 0;
  let begun: number | undefined;
  let heldSince: number | undefined;
  let splicedAt = start;
  /** Of the cutter's, when the last upstream began. */
  let before = { packets: 0, garbage: 0 };
  let pictured = false;
  let waiting = false;
  let flushedAt = Number.NEGATIVE_INFINITY;

  function flush(): void {
    cutter.flush();
    flushedAt = clock.monotonic();
    o.deliver();
  }

  async function flushSoon(wait: number): Promise<void> {
    waiting = true;
    await clock.sleep(wait);
    waiting = false;
    flush();
  }

  function splice(): void {
    splicedAt = clock.monotonic();
    heldSince = undefined;
    before = { packets: cutter.packets, garbage: cutter.garbage };
    cutter.splice();
  }

  const intake: Intake = {
    ring,
    cutter,
    flush,
    touched: start,
    get splicedAt() {
      return splicedAt;
    },
    get passes() {
      return !cutter.holding;
    },
    get unreadable() {
      return cutter.packets === before.packets && cutter.garbage - before.garbage > garbageLimit;
    },
    get hasBegun() {
      return begun !== undefined;
    },
    get bytes() {
      return bytes;
    },
    get bitrate() {
      return bitrate;
    },

    take(chunk) {
      const now = clock.monotonic();
      const { packets } = cutter;
      bytes += chunk.length;
      observer.received(chunk.length);
      const full = cutter.write(chunk);
      if (cutter.packets > packets) intake.touched = now;
      if (cutter.holding && cutter.held > 0) heldSince ??= now;
      if (begun === undefined && cutter.sent > 0) {
        begun = now;
        observer.firstByte(now - start);
        o.began();
      }
      if (!pictured && cutter.pictured) {
        pictured = true;
        observer.firstPicture(now - start);
      }
      const pace = o.pace();
      // What comes seldom is sent at once: a timer for each would cost more than sending it.
      if (cutter.waiting >= pace.bytes || (cutter.waiting > 0 && now - flushedAt >= pace.wait)) flush();
      else if (full) o.deliver();
      if (cutter.waiting > 0 && !waiting) void flushSoon(pace.wait);
    },

    splice,
    restart() {
      flush();
      ring.clear();
      splice();
    },

    tick() {
      const now = clock.monotonic();
      if (now - measuredAt >= rateSpan) {
        const rate = ((bytes - measuredBytes) * 8000) / (now - measuredAt);
        bitrate = bitrate === 0 ? rate : bitrate * 0.7 + rate * 0.3;
        measuredAt = now;
        measuredBytes = bytes;
      }
      if (cutter.errors > errors) {
        observer.discontinued(cutter.errors - errors);
        errors = cutter.errors;
      }
      const limit = cutter.tabled ? holdLimit : tablesLimit;
      if (cutter.holding && heldSince !== undefined && now - heldSince > limit) cutter.release();
    },
  };
  return intake;
}
