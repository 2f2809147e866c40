// Key frames told by their first bytes: what each codec puts before a picture that a decoder may begin with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isKeyframe } from "../../../core/formats/access-unit.ts";
import { packet, pes } from "./packets.ts";

const unit = (...bytes: readonly number[]) => [0, 0, 1, ...bytes];
const h264 = {
  delimiter: unit(0x09, 0xf0),
  parameters: unit(0x67, 0x64, 0, 0x28, 0xac),
  sei: unit(0x06, 0x05, 0x04, 1, 2, 3, 4, 0x80),
  idr: unit(0x65, 0x88, 0x84),
  // first_mb_in_slice 0 is "1"; slice_type 7 (I) is 0001000, 5 (P) is 00110.
  intra: unit(0x41, 0b10001000, 0x21),
  predicted: unit(0x41, 0b10011000, 0x21),
};
const h265 = {
  delimiter: unit(0x46, 1, 0x50),
  vps: unit(0x40, 1),
  sps: unit(0x42, 1),
  idr: unit(0x26, 1),
  cra: unit(0x2a, 1),
  trail: unit(0x02, 1),
};

const cases: readonly (readonly [what: string, type: number, bytes: readonly number[], expected: boolean])[] = [
  ["H.264: delimiter, parameters", 0x1b, [...h264.delimiter, ...h264.parameters], true],
  ["H.264: delimiter with a long start code, parameters", 0x1b, [0, ...h264.delimiter, 0, ...h264.parameters], true],
  ["H.264: IDR slice alone", 0x1b, h264.idr, true],
  ["H.264: delimiter, SEI, IDR slice", 0x1b, [...h264.delimiter, ...h264.sei, ...h264.idr], true],
  ["H.264: parameters, I slice", 0x1b, [...h264.parameters, ...h264.sei, ...h264.intra], true],
  ["H.264: parameters repeated before a P slice", 0x1b, [...h264.parameters, ...h264.predicted], false],
  ["H.264: I slice without parameters", 0x1b, [...h264.delimiter, ...h264.intra], false],
  ["H.264: P slice", 0x1b, [...h264.delimiter, ...h264.predicted], false],
  ["H.265: delimiter, parameter sets", 0x24, [...h265.delimiter, ...h265.vps, ...h265.sps], true],
  ["H.265: IDR", 0x24, h265.idr, true],
  ["H.265: CRA", 0x24, [...h265.delimiter, ...h265.cra], true],
  ["H.265: parameter sets repeated before a trailing picture", 0x24, [...h265.sps, ...h265.trail], false],
  ["H.265: trailing picture", 0x24, [...h265.delimiter, ...h265.trail], false],
  ["MPEG-2: sequence header", 0x02, unit(0xb3, 0x2d), true],
  ["MPEG-1: sequence header", 0x01, unit(0xb3, 0x2d), true],
  ["MPEG-2: picture", 0x02, [...unit(0, 0), ...unit(0xb3)], false],
  ["MPEG-2: group of pictures without a sequence header", 0x02, [...unit(0xb8), ...unit(0)], false],
  ["MPEG-4: object sequence", 0x10, unit(0xb0, 1), true],
  ["MPEG-4: object layer", 0x10, [...unit(0x00), ...unit(0x20)], true],
  ["MPEG-4: object plane", 0x10, unit(0xb6, 0x40), false],
  ["a codec whose bytes are not known", 0xea, h264.idr, false],
];

for (const [what, type, bytes, expected] of cases)
  test(`isKeyframe() says ${expected ? "yes" : "no"} to ${what}`, () => {
    assert.equal(isKeyframe(packet(0x100, pes(bytes)), 0, type), expected);
  });

test("isKeyframe() looks into nothing that is scrambled, continues, or is no PES packet", () => {
  const whole = packet(0x100, pes(h264.idr));
  assert.equal(isKeyframe(whole, 0, 0x1b), true);
  assert.equal(isKeyframe(packet(0x100, pes(h264.idr), { scrambled: true }), 0, 0x1b), false);
  assert.equal(isKeyframe(packet(0x100, pes(h264.idr), { starts: false }), 0, 0x1b), false);
  const scrambledPes = pes(h264.idr);
  scrambledPes[6] = 0x90;
  assert.equal(isKeyframe(packet(0x100, scrambledPes), 0, 0x1b), false);
  assert.equal(isKeyframe(packet(0x100, h264.idr), 0, 0x1b), false);
});

test("isKeyframe() does not read into the next packet", () => {
  const bytes = new Uint8Array(2 * 188);
  bytes.set(packet(0x100, pes([...Array<number>(188 - 4 - 14 - 3).fill(0xff), 0, 0, 1])));
  bytes.set(packet(0x100, [0x65, ...Array<number>(183).fill(0)], { starts: false }), 188);
  assert.equal(isKeyframe(bytes, 0, 0x1b), false);
});
