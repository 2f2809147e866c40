// One viewer of a stream: a body that is fed from the ring by reference, and moved forward when it falls behind.
import { packetLength } from "../formats/mpegts.ts";
import { formatGapMark } from "../formats/splice.ts";
import type { Cursor, Joint, Ring } from "./ring.ts";

const nothing = new Uint8Array(0);

export interface TransportViewer {
  readonly body: ReadableStream<Uint8Array>;
  /** Gives the body what it has room for. True when it took something. */
  feed(): boolean;
  /** Ends the body once it has had everything there is; with a reason, so that it is not taken for whole. */
  end(reason?: unknown): void;
  /** Ends the body at once. What waits in it is let go, too, when it is stuck: its connection then breaks. */
  drop(stuck?: boolean): void;
  /** Bytes between what it was given and what there is. */
  behind(): number;
  /** Bytes given but not yet taken. */
  readonly waiting: number;
  readonly bytes: number;
  readonly skips: number;
  readonly gone: boolean;
}

export interface ViewerOptions {
  readonly ring: Ring;
  /** Bytes that may wait in its body, besides what the ring holds. */
  readonly room: number;
  /** Where it begins; absent: at the newest joint, or with what comes next. */
  readonly from?: Cursor;
  /** The end of the ring, as a joint. */
  edge(): Joint;
  /** Its body wants more, after it had been full. */
  wants(): void;
  /** It has left, or has had everything. Once. */
  left(): void;
}

export function createTransportViewer(o: ViewerOptions): TransportViewer {
  const { ring } = o;
  let cursor: Cursor = o.from ?? { batch: ring.next, offset: 0 };
  /** Sent before what comes at the cursor. */
  let head: Uint8Array | undefined;
  let bytes = 0;
  let skips = 0;
  let ending = false;
  let why: unknown;
  let gone = false;
  let control: ReadableStreamDefaultController<Uint8Array> | undefined;

  if (!o.from) enter(ring.joint ?? o.edge());

  function enter(joint: Joint, marks?: Uint8Array): void {
    cursor = { batch: joint.batch, offset: joint.offset };
    head = marks ?? joint.tables;
  }

  /** What it has missed is gone: on with the newest picture, the gap marked for every PID. */
  function skip(): void {
    skips++;
    const joint = ring.joint ?? o.edge();
    enter(joint, marksOf(joint));
  }

  function leave(): void {
    if (gone) return;
    gone = true;
    head = undefined;
    o.left();
  }

  const waiting = () => Math.max(0, o.room - (control?.desiredSize ?? o.room));

  function feed(): boolean {
    if (gone || !control) return false;
    const before = bytes;
    while ((control.desiredSize ?? 0) > 0) {
      if (cursor.batch < ring.first) skip();
      // What goes first waits for what it introduces.
      if (cursor.batch >= ring.next) break;
      const part: Uint8Array = head ?? ring.take(cursor) ?? nothing;
      head = undefined;
      if (part.length === 0) continue;
      bytes += part.length;
      control.enqueue(part);
    }
    if (ending && cursor.batch >= ring.next && !gone) {
      // A body that fails forgets what waits in it.
      if (why !== undefined && waiting() > 0) return bytes > before;
      if (why === undefined) control.close();
      else control.error(why);
      leave();
    }
    return bytes > before;
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        control = controller;
      },
      pull() {
        if (feed()) o.wants();
      },
      cancel: leave,
    },
    { highWaterMark: o.room, size: (part) => part?.length ?? 0 },
  );

  return {
    body,
    feed,
    end(reason) {
      ending = true;
      why = reason;
      feed();
    },
    drop(stuck = false) {
      if (gone) return;
      // Without a reason: a server writes reasons to the console.
      if (stuck) control?.error();
      else control?.close();
      leave();
    },
    behind: () => ring.behind(cursor),
    get waiting() {
      return waiting();
    },
    get bytes() {
      return bytes;
    },
    get skips() {
      return skips;
    },
    get gone() {
      return gone;
    },
  };
}

/** Gap marks for every PID, then the tables: the tables' own counters stand in the marks before them. */
function marksOf(joint: Joint): Uint8Array {
  const { counters, tables } = joint;
  const own = new Map<number, number>();
  for (let at = 0; at < tables.length; at += packetLength) {
    const pid = (((tables[at + 1] ?? 0) & 0x1f) << 8) | (tables[at + 2] ?? 0);
    if (!own.has(pid)) own.set(pid, ((tables[at + 3] ?? 0) + 15) & 0x0f);
  }
  const marks: Uint8Array[] = [];
  for (const [pid, counter] of own) marks.push(formatGapMark(pid, counter));
  for (let index = 0; index + 1 < counters.length; index += 2) {
    const pid = counters[index] ?? 0;
    if (!own.has(pid)) marks.push(formatGapMark(pid, counters[index + 1] ?? 0));
  }
  const all = new Uint8Array(marks.length * packetLength + tables.length);
  for (const [index, mark] of marks.entries()) all.set(mark, index * packetLength);
  all.set(tables, marks.length * packetLength);
  return all;
}
