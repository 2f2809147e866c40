// What a viewer of the model may be given: whole packets, from a picture on, in order, every gap marked.
import assert from "node:assert/strict";
import { counterOf, packetLength, payloadAt, pidOf } from "../../../core/formats/mpegts.ts";
import { type Connection, type Trace, traceOf } from "./model-upstream.ts";

export interface Check {
  readonly connections: ReadonlyMap<number, Connection>;
  /** It has read all that it was given, as soon as it could. */
  readonly fast: boolean;
  /** It watches a past. */
  readonly past: boolean;
}

/** Looks at a viewer's bytes as they come. */
export interface Checker {
  add(bytes: Uint8Array): void;
  /** The last packet of upstream's that it got. */
  readonly last: Trace | undefined;
  readonly bytes: number;
}

/** @throws when the bytes are not what a viewer may get */
export function createChecker({ connections, fast, past }: Check): Checker {
  const counters = new Map<number, number>();
  /** PIDs that were marked since the last packet in order, and those that must be marked before they come again. */
  const marks = new Set<number>();
  let wanting = new Set<number>();
  let last: Trace | undefined;
  let shown = 0;
  let tables = 0;
  let bytes = 0;

  function check(chunk: Uint8Array, at: number): void {
    assert.equal(chunk[at], 0x47, "a packet begins with its sync byte");
    const pid = pidOf(chunk, at);
    const counter = counterOf(chunk, at);
    if (payloadAt(chunk, at) === undefined) {
      assert.equal((chunk[at + 5] ?? 0) & 0x80, 0x80, "a packet without payload is a mark");
      marks.add(pid);
      wanting.delete(pid);
      counters.set(pid, counter);
      return;
    }
    const trace = traceOf(chunk, at);
    const connection = trace && connections.get(trace.connection);
    if (!trace || !connection) {
      const torn = last && connections.get(last.connection)?.torn;
      assert.ok(torn || [...connections.values()].some((each) => each.torn), "a packet is one of upstream's");
      counters.delete(pid);
      return;
    }
    if (!connection.torn) {
      assert.ok(!wanting.has(pid), `PID ${pid} is marked after a gap`);
      const before = counters.get(pid);
      if (before !== undefined) assert.equal(counter, (before + 1) & 15, `counter of PID ${pid}`);
    }
    counters.set(pid, counter);
    const follows = last?.connection === trace.connection && trace.serial === last.serial + 1;
    if (shown === 0) {
      if (trace.kind === "table") {
        tables++;
        return;
      }
      // Twice when it came between two pictures, or between two upstreams.
      assert.ok(tables >= 2, `PAT and PMT come first: ${tables} tables, then ${trace.connection}#${trace.serial}`);
      assert.ok(trace.kind === "key" || connection.keyless || connection.torn, "then a picture");
      if (past && fast) assert.equal(trace.serial, 2, "a past is given from its beginning on");
    } else if (!follows && trace.kind === "table") return;
    shown++;
    if (last && !follows && !connection.torn) {
      const where = `after ${last.connection}#${last.serial} comes ${trace.connection}#${trace.serial}`;
      assert.ok(trace.connection >= last.connection, `upstreams come in order: ${where}`);
      if (trace.connection === last.connection) {
        assert.ok(trace.serial > last.serial, `packets come in order: ${where}`);
        assert.ok(!fast, `a fast viewer misses nothing: ${where}`);
      }
      assert.ok(marks.size > 0, `gaps are marked: ${where}`);
      wanting = new Set([...counters.keys()].filter((each) => each !== pid && !marks.has(each)));
      if (!marks.has(pid)) assert.fail(`PID ${pid} is marked: ${where}`);
    }
    if (follows) marks.clear();
    last = trace;
  }

  return {
    add(chunk) {
      assert.equal(chunk.length % packetLength, 0, "packets are whole");
      bytes += chunk.length;
      for (let at = 0; at < chunk.length; at += packetLength) check(chunk, at);
    },
    get last() {
      return last;
    },
    get bytes() {
      return bytes;
    },
  };
}
