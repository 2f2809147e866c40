// Bytes as they come, cut into packets: nothing of how they were cut shows.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import { counterOf, packetLength, pidOf } from "../../../core/formats/mpegts.ts";
import { batchBytes, createCutter } from "../../../core/hub/cutter.ts";
import { createRing } from "../../../core/hub/ring.ts";
import { countContinuityErrors } from "../../support/media-packets.ts";
import { packet, packetsOf, pat, pes, pmt } from "../formats/packets.ts";
import { contentsOf, createUpstream } from "./rig.ts";

const large = 2 ** 30;

/** What an upstream says, group after group, with what comes between them. */
async function bytesOf(name: string, counts: readonly number[]): Promise<Uint8Array[]> {
  const up = createUpstream(name, 10);
  const source = await up.source(new AbortController().signal);
  assert.ok(source.kind === "ts");
  const reader = source.chunks[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  for (const count of counts) {
    up.send(count);
    const { value } = await reader.next();
    parts.push(value ?? new Uint8Array());
  }
  await reader.return?.();
  return parts;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function cutterWithRing() {
  const ring = createRing(large, large);
  const cutter = createCutter(ring);
  const output = () => {
    cutter.flush();
    const cursor = { batch: 0, offset: 0 };
    const parts: Uint8Array[] = [];
    for (let part = ring.take(cursor); part; part = ring.take(cursor)) parts.push(part);
    return joined(parts);
  };
  return { ring, cutter, output };
}

/** Writes all, cut where `cuts` say, in turns. */
function write(cutter: { write(chunk: Uint8Array): boolean }, bytes: Uint8Array, cuts: readonly number[]): void {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = cuts[turn % cuts.length] ?? bytes.length;
    cutter.write(bytes.subarray(at, at + size));
    at += size;
  }
}

describe("createCutter()", () => {
  test("gives the same whatever the chunks, with garbage, torn packets and sync bytes anywhere", async () => {
    const pieces = await bytesOf("a", new Array<number>(40).fill(13));
    const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 12 });
    const between = fc.oneof(
      { weight: 4, arbitrary: fc.constant(new Uint8Array()) },
      fc.uint8Array({ maxLength: 600 }),
      fc.array(fc.constantFrom(0x47, 0), { maxLength: 600 }).map((octets) => Uint8Array.from(octets)),
    );
    fc.assert(
      fc.property(
        fc.array(between, { minLength: 40, maxLength: 40 }),
        fc.array(fc.nat(187)),
        cuts,
        (dirt, tears, how) => {
          const parts = pieces.flatMap((piece, index) => {
            const tear = tears[index] ?? 0;
            return [dirt[index] ?? new Uint8Array(), piece, piece.subarray(0, tear)];
          });
          const bytes = joined(parts);
          const [whole, cut] = [cutterWithRing(), cutterWithRing()];
          whole.cutter.write(bytes);
          write(cut.cutter, bytes, how);
          assert.deepEqual(cut.output(), whole.output());
          for (const key of ["packets", "garbage", "errors", "held", "sent"] as const)
            assert.equal(cut.cutter[key], whole.cutter[key], key);
          assert.deepEqual(cut.ring.joint, whole.ring.joint);
        },
      ),
      { numRuns: 150, seed: 5 },
    );
  });

  test("loses no packet to garbage between packets, and counts it", async () => {
    const pieces = await bytesOf("a", new Array<number>(8).fill(20));
    const clean = cutterWithRing();
    clean.cutter.write(joined(pieces));
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 500 }), { minLength: 8, maxLength: 8 }), (dirt) => {
        // Two sync bytes at the right distance are no proof; three would be.
        const plain = dirt.map((octets) => octets.map((octet) => (octet === 0x47 ? 0 : octet)));
        const { cutter, output } = cutterWithRing();
        cutter.write(joined(pieces.flatMap((piece, index) => [plain[index] ?? new Uint8Array(), piece])));
        assert.deepEqual(withoutMarks(output()), clean.output());
        assert.equal(
          cutter.garbage,
          plain.reduce((sum, { length }) => sum + length, 0),
        );
      }),
      { numRuns: 100, seed: 6 },
    );
  });

  test("marks every PID after a torn packet that hid behind a sync byte of its own", async () => {
    const [first = new Uint8Array(), ...others] = await bytesOf("a", [40, 40]);
    const { cutter, output } = cutterWithRing();
    cutter.write(joined([first, Uint8Array.of(0x47, 1, 2), ...others]));
    cutter.flush();
    assert.equal(countContinuityErrors(output()), 0);
    assert.ok(withoutMarks(output()).length < output().length);
  });

  test("lets nothing through before tables and a picture are known, and then begins with them", async () => {
    const { cutter, ring, output } = cutterWithRing();
    const [tail = new Uint8Array(), rest = new Uint8Array()] = await bytesOf("a", [14, 20]);
    // From the second packet after the first key frame on.
    cutter.write(tail.subarray(4 * packetLength, 11 * packetLength));
    assert.deepEqual([cutter.holding, cutter.sent], [true, 0]);
    cutter.write(tail.subarray(11 * packetLength));
    cutter.write(rest);
    const seen = contentsOf(output());
    assert.deepEqual(seen.slice(0, 3), ["PAT", "PMT", "a#00000010"]);
    assert.equal(seen.at(-1), "a#00000033");
    assert.ok(ring.joint && ring.joint.tables.length === 2 * packetLength);
  });

  test("gives up on pictures when it is told to, but begins with the tables", async () => {
    const { cutter, output } = cutterWithRing();
    const [first = new Uint8Array()] = await bytesOf("a", [9]);
    const tables = first.subarray(0, 2 * packetLength);
    const rest = first.subarray(4 * packetLength);
    cutter.write(joined([tables, rest.subarray(0, 3 * packetLength)]));
    assert.equal(cutter.sent, 0);
    cutter.release();
    cutter.write(rest.subarray(3 * packetLength));
    assert.deepEqual(contentsOf(output()).slice(0, 3), ["PAT", "PMT", "a#00000005"]);
  });

  test("does not repeat a table that is itself the first packet let through", async () => {
    const { cutter, output } = cutterWithRing();
    const [first = new Uint8Array()] = await bytesOf("a", [9]);
    const [table, map, rest] = [0, 1, 4].map((index) =>
      first.subarray(index * packetLength, (index + 1) * packetLength),
    );
    cutter.write(joined([table, map, rest].map((each) => each ?? new Uint8Array())));
    cutter.release();
    const again = new Uint8Array(map ?? []);
    again[3] = ((again[3] ?? 0) & 0xf0) | 1;
    cutter.write(again);
    assert.deepEqual(contentsOf(output()), ["PAT", "PMT"]);
  });

  test("marks every PID once after a splice, and waits for the next upstream's own picture", async () => {
    const { cutter, output } = cutterWithRing();
    const [a = new Uint8Array()] = await bytesOf("a", [13]);
    const [b = new Uint8Array()] = await bytesOf("b", [25]);
    cutter.write(joined([a, a.subarray(0, 100)]));
    cutter.splice();
    cutter.write(b.subarray(3 * packetLength));
    const seen = contentsOf(output());
    const splice = seen.indexOf("mark");
    assert.equal(seen[splice - 1], "a#00000012");
    assert.deepEqual(seen.slice(splice, splice + 6), ["mark", "PAT", "mark", "PMT", "mark", "b#00000010"]);
    assert.equal(seen.filter((each) => each === "mark").length, 3);
    assert.equal(cutter.errors, 0);
  });

  test("marks nothing while nothing was let through, and keeps nothing of the upstream before", async () => {
    const { cutter, output } = cutterWithRing();
    const [a = new Uint8Array()] = await bytesOf("a", [9]);
    const [b = new Uint8Array()] = await bytesOf("b", [9]);
    cutter.write(joined([a.subarray(3 * packetLength), a.subarray(0, 100)]));
    cutter.splice();
    cutter.write(b);
    assert.deepEqual(contentsOf(output()).slice(0, 3), ["PAT", "PMT", "b#00000000"]);
    assert.ok(!contentsOf(output()).includes("mark"));
  });

  test("counts counters that jump, but not those that repeat, say so, or have no payload", () => {
    const rows: readonly [what: string, packets: readonly Uint8Array[], errors: number][] = [
      ["steps", [video(1), video(2), video(3)], 0],
      ["wraps", [video(15), video(0)], 0],
      ["repeats", [video(1), video(1), video(2)], 0],
      ["jumps", [video(1), video(3)], 1],
      ["jumps twice", [video(1), video(3), video(3), video(9)], 2],
      ["jumps and says so", [video(1), packet(0x100, [1], { counter: 7, field: [0x80], starts: false })], 0],
      ["has no payload", [video(1), packet(0x100, undefined, { counter: 1, starts: false }), video(2)], 0],
      ["steps without payload", [video(1), packet(0x100, undefined, { counter: 2, starts: false })], 1],
      ["is stuffing", [packet(0x1fff, [1], { counter: 1 }), packet(0x1fff, [1], { counter: 9 })], 0],
    ];
    for (const [what, packets, errors] of rows) {
      const { cutter } = cutterWithRing();
      cutter.write(joined([...head(), ...packets, video(0, 0x200), video(1, 0x200), video(2, 0x200)]));
      assert.equal(cutter.errors, errors, what);
    }
  });

  test("puts full batches into the ring, and joints where their pictures are", async () => {
    const { cutter, ring } = cutterWithRing();
    const parts = await bytesOf("a", new Array<number>(40).fill(30));
    const full = parts.map((part) => cutter.write(part));
    assert.ok(full.some(Boolean) && !full.every(Boolean), "says when a batch is full");
    cutter.flush();
    const cursor = { batch: 0, offset: 0 };
    for (let part = ring.take(cursor); part && cursor.batch < ring.next; part = ring.take(cursor))
      assert.equal(part.length, batchBytes);
    const { joint } = ring;
    assert.ok(joint);
    const bytes = ring.take({ batch: joint.batch, offset: joint.offset });
    assert.ok(bytes);
    assert.deepEqual([pidOf(bytes, 0), (bytes[1] ?? 0) & 0x40], [0x100, 0x40], "a joint is where a picture begins");
    const counters = new Map<number, number>();
    for (let at = 0; at < joint.counters.length; at += 2)
      counters.set(joint.counters[at] ?? 0, joint.counters[at + 1] ?? 0);
    assert.equal(counters.get(0x100), (counterOf(bytes, 0) + 15) & 15, "its counters are those before it");
    assert.equal(counterOf(joint.tables, 0), counters.get(0), "its tables continue");
  });

  test("never throws, and gives whole packets or nothing, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 1500 }), hostile), { maxLength: 20 }), (chunks) => {
        const { cutter, output } = cutterWithRing();
        for (const [index, chunk] of chunks.entries()) {
          cutter.write(chunk);
          if (index % 5 === 4) cutter.splice();
          if (index % 7 === 6) cutter.gap();
          if (index % 3 === 2) cutter.release();
        }
        const bytes = output();
        assert.equal(bytes.length % packetLength, 0);
        for (let at = 0; at < bytes.length; at += packetLength) assert.equal(bytes[at], 0x47);
        assert.equal(bytes.length, cutter.sent);
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});

/** Packets with sync bytes where they should be and anything else in them. */
const hostile = fc
  .array(fc.uint8Array({ minLength: 187, maxLength: 187 }), { minLength: 1, maxLength: 6 })
  .map((rests) => joined(rests.flatMap((rest) => [Uint8Array.of(0x47), rest])));

function video(counter: number, pid = 0x100): Uint8Array {
  return packet(pid, new Array<number>(184).fill(1), { counter, starts: false });
}

/** Tables and a picture, after which everything is let through; its own PID's counters do not matter. */
function head(): Uint8Array[] {
  const map = pmt(1, 0x180, [{ pid: 0x180, type: 0x1b }]);
  return [packetsOf(0, pat({ 1: 0x1000 })), packetsOf(0x1000, map), packet(0x180, pes([0, 0, 0, 1, 0x67, 0x42]))];
}

/** Without packets that only say that something is missing. */
function withoutMarks(bytes: Uint8Array): Uint8Array {
  const packets = Array.from({ length: bytes.length / packetLength }, (_, n) =>
    bytes.subarray(n * packetLength, (n + 1) * packetLength),
  );
  return joined(packets.filter((packet) => ((packet[3] ?? 0) & 0x30) !== 0x20 || ((packet[5] ?? 0) & 0x80) === 0));
}
