// AAC out of RTP: sizes in headers, frames over several packets, configs that ADTS can say, and bytes of all kinds.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAacReader, formatAdts, parseAacConfig, samplesOf } from "../../../../core/formats/rtp/aac.ts";

const config = { objectType: 2, frequency: 3, channels: 2 };
const highBitRate = { config, sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };
const base = { marker: true, payloadType: 97, ssrc: 1, csrcs: [], padding: 0 };

/** A payload of mode AAC-hbr (RFC 3640 §3.3.6). */
function payloadOf(sizes: readonly number[], data: Uint8Array): Uint8Array {
  const headers = sizes.flatMap((size) => [(size << 3) >> 8, (size << 3) & 0xff]);
  return Uint8Array.from([(headers.length * 8) >> 8, (headers.length * 8) & 0xff, ...headers, ...data]);
}
const framed = (unit: Uint8Array) => [...formatAdts(config, unit.length), ...unit];

test("parseAacConfig() reads what descriptions have, and refuses what ADTS cannot say", () => {
  assert.deepEqual(parseAacConfig("1190"), config);
  assert.deepEqual(parseAacConfig("1408"), { objectType: 2, frequency: 8, channels: 1 });
  // Spectral band replication, said in front of plain AAC at 24 kHz.
  assert.deepEqual(parseAacConfig("2B118800"), { objectType: 2, frequency: 6, channels: 2 });
  for (const bad of ["", "1", "zz", "11"]) assert.equal(parseAacConfig(bad), undefined, bad);
  assert.equal(parseAacConfig("1194"), undefined, "frames of 960 samples");
  assert.equal(parseAacConfig("1180"), undefined, "channels said elsewhere");
  assert.equal(parseAacConfig("B98C00"), undefined, "AAC-ELD");
});

test("createAacReader() frames every unit of a packet", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 5 }), (units) => {
      const data = Uint8Array.from(units.flatMap((unit) => [...unit]));
      const sizes = units.map(({ length }) => length);
      const packet = { ...base, sequence: 1, timestamp: 77, payload: payloadOf(sizes, data) };
      const [frame, ...more] = createAacReader(highBitRate).push(packet);
      assert.equal(more.length, 0);
      assert.equal(frame?.timestamp, 77);
      assert.deepEqual([...(frame?.bytes ?? [])], units.flatMap(framed));
      assert.equal(samplesOf(frame?.bytes ?? new Uint8Array(0)), units.length * 1024);
    }),
  );
});

test("createAacReader() joins a unit that is cut into packets; one without its end is left out", () => {
  const unit = Uint8Array.from({ length: 900 }, (_, index) => index & 0xff);
  const pieces = [0, 400, 800].map((at) => payloadOf([900], unit.subarray(at, at + 400)));
  const send = (sequences: readonly number[]) => {
    const reader = createAacReader(highBitRate);
    const frames = sequences.flatMap((sequence) =>
      reader.push({ ...base, sequence, timestamp: 5, payload: pieces[sequence] ?? new Uint8Array(0) }),
    );
    return { frames, damaged: reader.damaged };
  };
  assert.deepEqual([...(send([0, 1, 2]).frames[0]?.bytes ?? [])], framed(unit));
  assert.deepEqual(send([0, 2]).frames, []);
  assert.equal(send([0, 2]).damaged, 1);
});

test("createAacReader() takes any bytes, and gives whole frames or none", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 80 })),
      fc.record({
        sizeLength: fc.integer({ min: 1, max: 16 }),
        indexLength: fc.nat({ max: 16 }),
        indexDeltaLength: fc.nat({ max: 16 }),
      }),
      (payloads, sizes) => {
        const reader = createAacReader({ config, ...sizes });
        for (const [sequence, payload] of payloads.entries())
          for (const { bytes } of reader.push({ ...base, payload, sequence, timestamp: sequence & 1 }))
            assert.ok(samplesOf(bytes) > 0 && bytes[0] === 0xff);
      },
    ),
  );
});
