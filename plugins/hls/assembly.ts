// Puts the packets of a segment into one piece: tables in front, their counters legal, time stamps moved where that is wanted.
import {
  clockWrap,
  packetLength,
  pidOf,
  readPcr,
  readStamps,
  stampWrap,
  startsUnit,
  ticksPerSecond,
  writeCounter,
  writePcr,
  writeStamps,
} from "../../core/formats/mpegts.ts";
import { signedStep } from "./timeline.ts";

/** Collects packets by reference until `finish()` copies them into one piece. */
export interface Assembly {
  /** Bytes so far. */
  readonly size: number;
  /** Takes whole packets; they are not changed. */
  add(packets: Uint8Array): void;
  /** Tables that the stream does not have here: the counters of their PIDs are counted anew from now on. */
  addTables(tables: readonly Uint8Array[]): void;
  /** Time stamps of what is added from now on are moved by so many ticks of 90 kHz. */
  shift(ticks: number): void;
  /** Everything since the last time. */
  finish(): Uint8Array;
  /** Forgets what there is. */
  drop(): void;
}

export function createAssembly(): Assembly {
  let parts: Uint8Array[] = [];
  let size = 0;
  /** The last counter of each PID of tables. */
  const counters = new Map<number, number>();
  let shifts: readonly Shift[] = [];

  function recount(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += packetLength) {
      const pid = pidOf(bytes, at);
      const before = counters.get(pid);
      if (before === undefined) continue;
      // It steps with packets that have a payload (ISO/IEC 13818-1 §2.4.3.3).
      const counter = ((bytes[at + 3] ?? 0) & 0x10) === 0 ? before : (before + 1) & 0x0f;
      writeCounter(bytes, at, counter);
      counters.set(pid, counter);
    }
  }

  /** Streams jump one after the other: a shift may still be wanted a little after the next one began. */
  function keepLast(): void {
    shifts = shifts.slice(-2).map(({ ticks }) => ({ at: 0, ticks }));
  }

  return {
    get size() {
      return size;
    },
    add(packets) {
      if (packets.length === 0) return;
      parts.push(packets);
      size += packets.length;
    },
    addTables(tables) {
      for (const table of tables) {
        const pid = pidOf(table, 0);
        if (!counters.has(pid)) counters.set(pid, 15);
        parts.push(new Uint8Array(table));
        size += table.length;
      }
    },
    shift(ticks) {
      shifts = [...shifts, { at: size, ticks }];
    },
    finish() {
      const bytes = new Uint8Array(size);
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      recount(bytes);
      moveStamps(bytes, shifts);
      keepLast();
      parts = [];
      size = 0;
      return bytes;
    },
    drop() {
      parts = [];
      size = 0;
      keepLast();
    },
  };
}

/** From `at` on, time stamps are moved by so many ticks of 90 kHz. */
interface Shift {
  readonly at: number;
  readonly ticks: number;
}

/** Ticks that streams of one programme may be apart. */
const apart = 5 * ticksPerSecond;

/** Moves clock references, PTS and DTS of every packet, in place. */
function moveStamps(bytes: Uint8Array, shifts: readonly Shift[]): void {
  let index = shifts.findLastIndex(({ at }) => at === 0);
  let expected: number | undefined;

  /** By the shift that is in force; but where that leads far away, by the one before or after. */
  const ticksFor = (stamp: number): number => {
    const own = shifts[index]?.ticks ?? 0;
    const far = (ticks: number) =>
      expected === undefined ? 0 : Math.abs(signedStep(expected, move(stamp, ticks), stampWrap));
    const others = [own, shifts[index - 1]?.ticks ?? own, shifts[index + 1]?.ticks ?? own];
    const ticks = far(own) < apart ? own : others.reduce((best, each) => (far(each) < far(best) ? each : best));
    expected = move(stamp, ticks);
    return ticks;
  };

  if (shifts.length === 0) return;
  for (let at = 0; at < bytes.length; at += packetLength) {
    while (at >= (shifts[index + 1]?.at ?? Number.POSITIVE_INFINITY)) index++;
    const clock = readPcr(bytes, at);
    if (clock !== undefined)
      writePcr(bytes, at, (clock + ticksFor(Math.floor(clock / 300)) * 300 + clockWrap) % clockWrap);
    const stamps = startsUnit(bytes, at) ? readStamps(bytes, at) : undefined;
    if (!stamps) continue;
    const { pts, dts } = stamps;
    const ticks = ticksFor(dts ?? pts);
    writeStamps(bytes, at, { pts: move(pts, ticks), ...(dts === undefined ? {} : { dts: move(dts, ticks) }) });
  }
}

function move(stamp: number, ticks: number): number {
  return (stamp + ticks + stampWrap) % stampWrap;
}
