// What elementary streams carry, by type and by the descriptors of private data.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOfStream } from "../../../core/formats/stream-kind.ts";

const ascii = (text: string) => [...text].map((letter) => letter.charCodeAt(0));

test("kindOfStream() tells by type, and of private data by its descriptors", () => {
  const cases: readonly (readonly [number, readonly number[], string])[] = [
    [0x02, [], "video"],
    [0x24, [], "video"],
    [0x0f, [], "audio"],
    [0x81, [], "audio"],
    [0x05, [], "other"],
    [0x86, [], "other"],
    [0x06, [], "other"],
    [0x06, [0x56, 5, 1, 2, 3, 4, 5], "other"],
    [0x06, [0x0a, 4, 1, 2, 3, 4, 0x6a, 1, 0], "audio"],
    [0x06, [0x7a, 0], "audio"],
    [0x06, [0x7f, 2, 0x15, 0], "audio"],
    [0x06, [0x7f, 2, 0x20, 0], "other"],
    [0x06, [0x05, 4, ...ascii("Opus")], "audio"],
    [0x06, [0x05, 4, ...ascii("HEVC")], "video"],
    [0x06, [0x05, 4, ...ascii("KLVA")], "other"],
    [0x06, [0x05], "other"],
  ];
  for (const [type, descriptors, kind] of cases) assert.equal(kindOfStream(type, Uint8Array.from(descriptors)), kind);
});
