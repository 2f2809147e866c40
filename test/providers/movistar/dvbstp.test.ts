// Segments out of datagrams: the reference's own examples, and every order and loss that a network makes of them.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { createCarousel } from "../../../providers/movistar/carousel.ts";
import { createDvbstpAssembler, parseDvbstp } from "../../../providers/movistar/dvbstp.ts";
import { formatSegment, type SentSegment } from "../../support/movistar/carousel.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const segmentOf = (id: number, length: number, version = 1, payload = 0xf1): SentSegment => ({
  ...{ payload, id, version },
  bytes: Buffer.from(Array.from({ length }, (_, index) => (index * 7 + id + version) & 0xff)),
});
const sectionsOf = (datagrams: readonly Uint8Array[]) => datagrams.map((each) => parseDvbstp(each));

test("parseDvbstp() reads a section in the middle of a segment", () => {
  const section = parseDvbstp(new Uint8Array([...hex("00 01 40 00 02 00 00 BA 00 30 3A 00"), 1, 2, 3]));
  const { data, ...rest } = section ?? { data: [] };
  assert.deepEqual(rest, { payload: 2, segment: 0, version: 0xba, total: 81_920, number: 3, last: 58 });
  assert.deepEqual([...data], [1, 2, 3]);
});

test("parseDvbstp() reads a segment of one section, its checksum apart", () => {
  const body = new Uint8Array(122).fill(9);
  const section = parseDvbstp(
    new Uint8Array([...hex("01 00 00 7A F1 12 6A 07 00 00 00 00"), ...body, 0xde, 0xad, 0xbe, 0xef]),
  );
  assert.equal(section?.segment, 0x126a);
  assert.equal(section?.data.length, 122);
  assert.equal(section?.crc, 0xdeadbeef);
});

test("parseDvbstp() throws at no bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void parseDvbstp(bytes)));
});

test("what is encrypted, compressed or of another version is no section", () => {
  const [plain = Buffer.alloc(0)] = formatSegment(segmentOf(1, 20));
  assert.ok(parseDvbstp(plain));
  for (const [at, bits] of [
    [0, 0x40],
    [0, 0x02],
    [11, 0x20],
  ] as const) {
    const other = Buffer.from(plain);
    other[at] = (other[at] ?? 0) | bits;
    assert.equal(parseDvbstp(other), undefined);
  }
});

test("a segment is whole in any order of its sections, with private headers and reserved bits", () => {
  const shuffled = fc.shuffledSubarray(
    Array.from({ length: 7 }, (_, index) => index),
    { minLength: 7 },
  );
  fc.assert(
    fc.property(shuffled, fc.boolean(), fc.boolean(), (order, header, reserved) => {
      const sent = segmentOf(4714, 9000);
      const datagrams = formatSegment(sent, { header, reserved });
      const assembler = createDvbstpAssembler();
      const whole = order.map((index) => assembler.push(sectionsOf(datagrams)[index] as never));
      assert.equal(whole.filter(Boolean).length, 1);
      assert.equal(Buffer.compare(whole.at(-1)?.bytes ?? Buffer.alloc(0), sent.bytes), 0);
    }),
  );
});

test("a segment of more than 255 sections is put together", () => {
  const sent = segmentOf(0, 1400 * 700 + 3, 1, 2);
  const assembler = createDvbstpAssembler();
  const whole = sectionsOf(formatSegment(sent)).map((section) => section && assembler.push(section));
  assert.equal(Buffer.compare(whole.at(-1)?.bytes ?? Buffer.alloc(0), sent.bytes), 0);
});

test("a version that changes in the middle of a segment begins it anew", () => {
  const [before, after] = [segmentOf(1, 5000, 1), segmentOf(1, 5000, 2)];
  const assembler = createDvbstpAssembler();
  const sections = [...sectionsOf(formatSegment(before)).slice(0, 2), ...sectionsOf(formatSegment(after))];
  const whole = sections.map((section) => section && assembler.push(section)).filter((segment) => segment);
  assert.deepEqual(
    whole.map((segment) => [segment?.version, Buffer.compare(segment?.bytes ?? Buffer.alloc(0), after.bytes)]),
    [[2, 0]],
  );
});

test("a wrong checksum drops the segment, and a right one that follows gives it", () => {
  const sent = segmentOf(1, 5000);
  const assembler = createDvbstpAssembler();
  for (const section of sectionsOf(formatSegment(sent, { crc: true })))
    assert.equal(assembler.push(section as never), undefined);
  assert.equal(assembler.counts.broken, 1);
  const whole = sectionsOf(formatSegment(sent)).map((section) => assembler.push(section as never));
  assert.ok(whole.at(-1));
});

const many = Array.from({ length: 60 }, (_, index) => segmentOf(1000 + index, 200 + index * 90));

/** Pushes rounds of `many` until the carousel is done; gives how many it took. */
function rounds(carousel: ReturnType<typeof createCarousel>, keep: (place: number) => boolean): number {
  let place = 0;
  for (let round = 1; round <= 100; round++)
    for (const datagram of many.flatMap((segment) => formatSegment(segment))) {
      if (keep(place++)) carousel.push(datagram);
      if (carousel.done) return round;
    }
  return Number.POSITIVE_INFINITY;
}

test("a carousel without losses is done when its first section comes again", () => {
  const carousel = createCarousel();
  assert.equal(
    rounds(carousel, () => true),
    2,
  );
  assert.equal(carousel.segments.size, many.length);
});

test("a carousel is done within its first round when all that is wanted has come", () => {
  const carousel = createCarousel({ wanted: many.map(({ id }) => `241 ${id}`) });
  assert.equal(
    rounds(carousel, () => true),
    1,
  );
});

test("a carousel that loses one datagram in twenty has every segment in the end", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const carousel = createCarousel({ wanted: many.map(({ id }) => `241 ${id}`) });
      let state = seed >>> 0;
      const keep = () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 2 ** 32 >= 0.05;
      };
      assert.ok(rounds(carousel, keep) < 8);
      for (const { id, bytes } of many)
        assert.equal(Buffer.compare(carousel.segments.get(`241 ${id}`)?.bytes ?? Buffer.alloc(0), bytes), 0);
    }),
    { numRuns: 30 },
  );
});
