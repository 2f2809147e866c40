// What a transport stream shows of its pictures and sound, as ffmpeg made them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { createFactsReader } from "../../../providers/camera/facts.ts";
import { readH264Size, readH265Size } from "../../../providers/camera/parameter-set.ts";
import { mediaFolder, mediaMissing, runFfmpeg } from "../../support/media.ts";

const kinds = {
  "1920x1080, whose last row of blocks is cropped": {
    words:
      "-f lavfi -i testsrc=size=1920x1080:rate=25 -f lavfi -i sine -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -ac 2",
    facts: {
      video: { codec: "H.264", width: 1920, height: 1080, fps: 25 },
      audio: { codec: "AAC", rate: 44_100, channels: 2 },
    },
  },
  "pictures in another order than they are shown": {
    words: "-f lavfi -i testsrc=size=322x242:rate=15 -t 2 -c:v libx264 -profile:v high -bf 3 -pix_fmt yuv420p",
    facts: { video: { codec: "H.264", width: 322, height: 242, fps: 15 } },
  },
  "H.264 with all colours": {
    words: "-f lavfi -i testsrc=size=640x480:rate=30 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv444p",
    facts: { video: { codec: "H.264", width: 640, height: 480, fps: 30 } },
  },
  "H.265": {
    words:
      "-f lavfi -i testsrc=size=1280x722:rate=12.5 -f lavfi -i sine -t 2 -c:v libx265 -x265-params log-level=none -preset ultrafast -pix_fmt yuv420p -c:a mp2",
    facts: { video: { codec: "H.265", width: 1280, height: 722, fps: 12.5 }, audio: { codec: "MP2" } },
  },
  "MPEG-2": {
    words: "-f lavfi -i testsrc=size=704x576:rate=25 -t 1 -c:v mpeg2video",
    facts: { video: { codec: "MPEG-2", width: 704, height: 576, fps: 25 } },
  },
  "sound alone": {
    words: "-f lavfi -i sine -t 1 -c:a aac -ac 1 -ar 16000",
    facts: { audio: { codec: "AAC", rate: 16_000, channels: 1 } },
  },
} as const;

for (const [name, { words, facts }] of Object.entries(kinds))
  test(`createFactsReader() reads ${name}`, { skip: mediaMissing }, async () => {
    const path = join(mediaFolder(), `facts-${name.replaceAll(/\W+/g, "-")}.ts`);
    await runFfmpeg([...words.split(" "), "-f", "mpegts", path]);
    const bytes = new Uint8Array(await readFile(path));
    const reader = createFactsReader();
    // Cut anywhere, and with something else before the first packet.
    reader.write(new Uint8Array(77));
    for (let at = 0; at < bytes.length && !reader.whole; at += 1001) reader.write(bytes.subarray(at, at + 1001));
    assert.deepEqual(reader.facts, facts);
    assert.equal(reader.whole, true);
  });

test("sizes and facts are read of any bytes without harm", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      for (const size of [readH264Size(bytes), readH265Size(bytes)])
        if (size) assert.ok(size.width > 0 && size.width <= 16_384 && size.height > 0 && size.height <= 16_384);
      const reader = createFactsReader();
      reader.write(bytes);
      assert.equal(reader.whole, false);
    }),
  );
});
