// RTSP addresses as people write them, and control addresses as servers mean them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRtspAddress, resolveControl } from "../../../../core/transport/rtsp/address.ts";

test("parseRtspAddress() keeps user, password and fragment out of what is asked for", () => {
  assert.deepEqual(parseRtspAddress("rtsp://me:p%40ss:w@rd@cam.example:8554/live/1?channel=2#transport=udp"), {
    host: "cam.example",
    port: 8554,
    url: "rtsp://cam.example:8554/live/1?channel=2",
    transport: "udp",
    credentials: { user: "me", password: "p@ss:w@rd" },
  });
  assert.deepEqual(parseRtspAddress("rtspt://[2001:db8::1]"), {
    host: "2001:db8::1",
    port: 554,
    url: "rtsp://[2001:db8::1]",
    transport: "tcp",
  });
  assert.deepEqual(parseRtspAddress(" RTSP://h/a b\tc "), {
    host: "h",
    port: 554,
    url: "rtsp://h/a%20b%09c",
    transport: "auto",
  });
  for (const wrong of ["http://h/", "rtsp:///x", "rtsp://h:0/", "rtsp://h:99999/", "rtsp://me@/x", ""])
    assert.equal(typeof parseRtspAddress(wrong), "string", wrong);
});

test("parseRtspAddress() survives any text, and asks for nothing with a line break in it", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = parseRtspAddress(`rtsp://host/${text}`);
      if (typeof read === "object") assert.doesNotMatch(read.url, /[\s\0]/);
    }),
  );
});

test("resolveControl() follows the base as servers mean it", () => {
  const rows = [
    ["rtsp://h/s/", "track1", "rtsp://h/s/track1"],
    ["rtsp://h/s", "track1", "rtsp://h/s/track1"],
    ["rtsp://h/s?x=1", "trackID=1", "rtsp://h/s?x=1/trackID=1"],
    ["rtsp://h/s/", "/track1", "rtsp://h/s/track1"],
    ["rtsp://h/s", "rtsp://i/t", "rtsp://i/t"],
    ["rtsp://h/s", "*", "rtsp://h/s"],
    ["rtsp://h/s", undefined, "rtsp://h/s"],
  ] as const;
  for (const [base, control, wanted] of rows) assert.equal(resolveControl(base, control), wanted);
});
