// createPackets(), decryptSegment(), nameListed(): the same result however bytes are cut and lists are ordered.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Multivariant, parseHls } from "../../../../core/formats/hls.ts";
import { decryptSegment } from "../../../../core/transport/hls/decrypt.ts";
import { nameListed } from "../../../../core/transport/hls/names.ts";
import { createPackets } from "../../../../core/transport/hls/packets.ts";
import { countContinuityErrors } from "../../../support/media-packets.ts";
import { assertBytes, segmentOf } from "./rig.ts";

const concat = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
/** Cuts bytes at these places. */
const cutAt = (bytes: Uint8Array, places: readonly number[]) => {
  const sorted = [...places.map((place) => place % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return sorted.slice(1).map((to, index) => bytes.subarray(sorted[index], to));
};
const places = fc.array(fc.nat(), { maxLength: 20 });
const join = (segments: readonly (readonly Uint8Array[])[]) => {
  const packets = createPackets();
  return concat(
    segments.flatMap((chunks) => {
      packets.end();
      packets.begin(false);
      return chunks.flatMap((chunk) => packets.push(chunk));
    }),
  );
};

describe("createPackets()", () => {
  it("gives every packet of a good stream, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(places, { minLength: 1, maxLength: 4 }), (cuts) => {
        const whole = cuts.map((_, index) => segmentOf(index));
        assertBytes(join(whole.map((bytes, index) => cutAt(bytes, cuts[index] ?? []))), concat(whole));
      }),
    );
  });

  it("gives whole packets without a jump that is not marked, whatever the segments are", () => {
    const noise = fc.uint8Array({ maxLength: 400 });
    const mess = fc
      .tuple(fc.nat(40), fc.nat(12), noise, fc.nat(6000))
      .map(([sequence, packets, junk, to]) =>
        concat([
          segmentOf(sequence, packets),
          junk,
          segmentOf(sequence + 1, 6),
          segmentOf(sequence + 3, 6).subarray(0, to),
        ]),
      );
    fc.assert(
      fc.property(fc.array(fc.tuple(mess, places), { maxLength: 5 }), (segments) => {
        const out = join(segments.map(([bytes, cuts]) => cutAt(bytes, cuts)));
        assert.equal(out.length % 188, 0);
        for (let at = 0; at < out.length; at += 188) assert.equal(out[at], 0x47);
      }),
      { numRuns: 500 },
    );
    // Counters of segments that are whole packets continue, or are marked.
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 40 })), { maxLength: 8 }), (segments) => {
        const out = join(segments.map(([sequence, packets]) => [segmentOf(sequence, packets)]));
        assert.equal(countContinuityErrors(out), 0);
      }),
    );
  });
});

describe("decryptSegment()", () => {
  it("gives the same bytes however they are cut, padded or not", async () => {
    const secret = new Uint8Array(16).fill(5);
    const iv = new Uint8Array(16).fill(6);
    await fc.assert(
      fc.asyncProperty(fc.nat(8), places, fc.boolean(), async (packets, cuts, padding) => {
        const plain = segmentOf(3, padding ? packets : packets * 4);
        const cipher = createCipheriv("aes-128-cbc", secret, iv).setAutoPadding(padding);
        const coded = concat([cipher.update(plain), cipher.final()]);
        const chunks = (async function* () {
          yield* cutAt(coded, cuts);
        })();
        const parts: Uint8Array[] = [];
        const key = { method: "AES-128", format: "identity", iv };
        for await (const part of decryptSegment(chunks, secret, key, 3, "x")) parts.push(part);
        assertBytes(concat(parts), plain);
      }),
    );
  });
});

describe("nameListed()", () => {
  const read = (...lines: string[]) => parseHls(`#EXTM3U\n${lines.join("\n")}\n`) as Multivariant;
  const names = (listed: readonly { name: string; uri: string }[]) => listed.map(({ name, uri }) => `${name} ${uri}`);

  it("keeps a name by what is said of a variant, then by its place, whatever its address", () => {
    const before = nameListed(read("#EXT-X-STREAM-INF:BANDWIDTH=2", "hi?1", "#EXT-X-STREAM-INF:BANDWIDTH=1", "lo?1"));
    assert.deepEqual(names(before), ["v0 hi?1", "v1 lo?1"]);
    const swapped = read("#EXT-X-STREAM-INF:BANDWIDTH=1", "lo?2", "#EXT-X-STREAM-INF:BANDWIDTH=2", "hi?2");
    assert.deepEqual(names(nameListed(swapped, before)), ["v1 lo?2", "v0 hi?2"]);
    const changed = read(
      ...["#EXT-X-STREAM-INF:BANDWIDTH=3", "hi?3", "#EXT-X-STREAM-INF:BANDWIDTH=1", "lo?3"],
      ...["#EXT-X-STREAM-INF:BANDWIDTH=9", "new"],
    );
    assert.deepEqual(names(nameListed(changed, before)), ["v0 hi?3", "v1 lo?3", "v2 new"]);
  });

  it("names an address once, though several variants share it", () => {
    const shared = read('#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"', "v", '#EXT-X-STREAM-INF:BANDWIDTH=3,AUDIO="b"', "v");
    assert.deepEqual(names(nameListed(shared)), ["v0 v"]);
  });
});
