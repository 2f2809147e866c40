// Times of RTP: wraps, jumps, clocks that stand still, and pictures that are shown in another order than they come.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createDecodingOrder, createRtpTimeline, parseSenderReport } from "../../../../core/formats/rtp/timeline.ts";

test("createRtpTimeline() counts in ticks of 90 kHz, over the wrap", () => {
  const timeline = createRtpTimeline(8000, 90_000);
  const stamps = [0xffff_ffff - 159, 0, 160, 320];
  assert.deepEqual(
    stamps.map((stamp, index) => timeline.place(stamp, index * 20)),
    [90_000, 91_800, 93_600, 95_400],
  );
  assert.equal(timeline.at(480), 97_200);
});

test("createRtpTimeline() goes on where the sender's clock jumps, by the time that passed", () => {
  const timeline = createRtpTimeline(90_000, 0);
  timeline.place(1000, 0);
  for (const jump of [2_000_000_000, 5, 3_000_000_000]) {
    const before = timeline.place(jump, 1000);
    assert.equal(timeline.place(jump + 3600, 1040) - before, 3600);
  }
  const last = timeline.place(77, 1040);
  assert.equal(timeline.place(77 + 0x8000_0000, 1140) - last, 9000);
});

test("createRtpTimeline() lets time pass when time stamps do not", () => {
  const timeline = createRtpTimeline(90_000, 0);
  const times = Array.from({ length: 100 }, (_, index) => timeline.place(42, index * 40));
  assert.ok((times.at(-1) ?? 0) > 90 * 3600);
});

test("createDecodingOrder() leaves times alone where pictures come as they are shown", () => {
  const order = createDecodingOrder();
  for (let pts = 0; pts < 90_000; pts += 3600) assert.deepEqual(order.place(pts), { pts, dts: pts });
});

test("createDecodingOrder() never decodes a picture after it is shown, nor two at once", () => {
  fc.assert(
    fc.property(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 40 }), (depth, groups) => {
      const order = createDecodingOrder();
      let last = -1;
      let late = 0;
      for (let group = 0; group < groups; group++) {
        // A picture ahead, then those before it.
        const from = group * (depth + 1);
        for (const place of [from + depth, ...Array.from({ length: depth }, (_, index) => from + index)]) {
          const wanted = (place + 1) * 3600;
          const { pts, dts } = order.place(wanted);
          assert.ok(dts > last && pts >= dts);
          last = dts;
          if (pts !== wanted) late += group > 0 ? 1 : 0;
        }
      }
      // Only before it is known how many are held back.
      assert.ok(late <= 3, `${late} late`);
    }),
  );
});

test("parseSenderReport() reads one, and nothing else", () => {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x80c8_0006);
  view.setUint32(4, 9);
  view.setUint32(8, 100);
  view.setUint32(12, 2 ** 31);
  view.setUint32(16, 12_345);
  assert.deepEqual(parseSenderReport(bytes), { ssrc: 9, wall: 100_500, timestamp: 12_345 });
  assert.equal(parseSenderReport(bytes.subarray(0, 27)), undefined);
  bytes[1] = 201;
  assert.equal(parseSenderReport(bytes), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (any) => void parseSenderReport(any)));
});
