// Channel ids in paths: what stays readable, and that every id comes back.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { channelPath } from "../../../core/formats/channel-path.ts";

test("channelPath() leaves the colon, and encodes what a path would part or end at", () => {
  assert.equal(channelPath("tdt:la-1.hd"), "tdt:la-1.hd");
  assert.equal(channelPath("a:b/c?d#e%f g:h"), "a:b%2Fc%3Fd%23e%25f%20g:h");
  assert.equal(channelPath("a:ñ\ud800"), "a:%C3%B1%EF%BF%BD");
});

test("channelPath() gives every id a path segment of its own, which decodes to it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (name) => {
      const id = `tdt:${name}`;
      const { pathname } = new URL(`http://tv/live/${channelPath(id)}/mpegts`);
      assert.equal(decodeURIComponent(pathname.split("/")[2] ?? ""), id);
      assert.equal(pathname.split("/").length, 4);
    }),
  );
});
