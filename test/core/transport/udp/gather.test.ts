// Gathering: few chunks out of many pieces, in order, bounded, and closed exactly once before the reader sees the end.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { createGather, type GatherOptions } from "../../../../core/transport/udp/gather.ts";
import { createTestClock } from "../../../support/clock.ts";

function rig(o: Partial<GatherOptions> = {}) {
  const clock = createTestClock();
  const control = new AbortController();
  const closes: string[] = [];
  const gather = createGather({
    clock,
    limit: 1 << 20,
    signal: control.signal,
    close: async () => void closes.push("closed"),
    ...o,
  });
  return { clock, control, closes, gather, reader: gather.chunks[Symbol.asyncIterator]() };
}

const piece = (mark: number, length = 1316) => new Uint8Array(length).fill(mark);

test("createGather() hands on what has come within five milliseconds, in one chunk", async () => {
  const { clock, gather, reader } = rig();
  gather.push(piece(1));
  await clock.advance(4);
  gather.push(piece(2));
  assert.equal(gather.waiting, 2632);
  await clock.advance(1);
  gather.push(piece(3));
  assert.deepEqual((await reader.next()).value, Buffer.concat([piece(1), piece(2), piece(3)]));
  // The timer that was set for the first goes for what comes next, too.
  gather.push(piece(4));
  const reading = reader.next();
  await clock.advance(10);
  assert.deepEqual((await reading).value, Buffer.from(piece(4)));
  assert.equal(clock.sleeping, 0);
});

test("createGather() hands on what has come after fifteen milliseconds, when nothing follows", async () => {
  const { clock, gather, reader } = rig();
  gather.push(piece(1));
  const reading = reader.next();
  await clock.advance(14);
  assert.equal(gather.waiting, 1316);
  await clock.advance(1);
  assert.equal((await reading).value?.length, 1316);
  assert.equal(clock.sleeping, 0);
});

test("createGather() hands on a full chunk at once, of whole pieces and at most 65,424 bytes", async () => {
  const { gather, reader } = rig();
  for (let mark = 0; mark < 50; mark++) gather.push(piece(mark));
  const { value } = await reader.next();
  assert.equal(value?.length, 49 * 1316);
});

test("createGather() loses nothing that is read in time, and makes chunks of its own memory", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 70_000, minLength: 1 }), { maxLength: 8 }), async (pieces) => {
      const { gather, reader } = rig({ limit: 1 << 30 });
      for (const each of pieces) gather.push(each);
      gather.end();
      const read: Uint8Array[] = [];
      for (let next = await reader.next(); !next.done; next = await reader.next()) read.push(next.value);
      assert.equal(Buffer.compare(Buffer.concat(read), Buffer.concat(pieces)), 0);
      assert.ok(read.every((chunk) => pieces.every((each) => each.buffer !== chunk.buffer)));
    }),
    { numRuns: 20 },
  );
});

test("createGather() drops the oldest chunks when they are more than it may hold", async () => {
  const { clock, gather, reader } = rig({ limit: 2000 });
  for (let mark = 0; mark < 3; mark++) {
    gather.push(piece(mark, 1000));
    await clock.advance(15);
  }
  assert.equal(gather.dropped, 1000);
  assert.equal(gather.waiting, 2000);
  assert.equal((await reader.next()).value?.[0], 1);
});

test("createGather() drops nothing where it can hold back instead", async () => {
  const holds: boolean[] = [];
  const { clock, gather, reader } = rig({ limit: 2000, hold: (full) => holds.push(full) });
  for (let mark = 0; mark < 3; mark++) {
    gather.push(piece(mark, 1000));
    await clock.advance(15);
  }
  assert.deepEqual(holds, [true]);
  assert.equal((await reader.next()).value?.[0], 0);
  assert.deepEqual(holds, [true]);
  await reader.next();
  await reader.next();
  assert.deepEqual(holds, [true, false]);
  assert.equal(gather.dropped, 0);
});

test("createGather() gives what has come before an error, then the error once, then the end", async () => {
  const { gather, reader, closes } = rig();
  gather.push(piece(1));
  gather.end(new Error("broken"));
  gather.push(piece(2));
  assert.equal((await reader.next()).value?.[0], 1);
  await assert.rejects(reader.next(), /broken/);
  assert.equal((await reader.next()).done, true);
  assert.deepEqual(closes, ["closed"]);
});

test("createGather() shows the end only after it has closed", async () => {
  const closing = Promise.withResolvers<void>();
  const { gather, reader } = rig({ close: () => closing.promise });
  const events: string[] = [];
  const reading = reader.next().then(() => events.push("end"));
  const leaving = reader.return?.().then(() => events.push("left"));
  gather.end();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(events, []);
  closing.resolve();
  await Promise.all([reading, leaving]);
  assert.deepEqual(events.sort(), ["end", "left"]);
});

test("createGather() ends a waiting read and its opening with the signal's reason, and forgets what has come", async () => {
  const { control, gather, reader, closes } = rig();
  const reading = reader.next();
  control.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
  await assert.rejects(gather.opened, /enough/);
  assert.equal((await reader.next()).done, true);
  assert.equal(gather.waiting, 0);
  assert.deepEqual(closes, ["closed"]);
  const before = AbortSignal.abort(new Error("long ago"));
  await assert.rejects(rig({ signal: before }).gather.opened, /long ago/);
});
