// How addresses reach ffmpeg: openly when there is nothing to hide, else where no list of processes shows them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatInput, headerOptions } from "../../../core/transport/ffmpeg-input.ts";
import { complaintOf } from "../../../core/transport/ffmpeg-program.ts";

const seven = { path: "ffmpeg", version: "7.0", major: 7 };
const four = { path: "ffmpeg", version: "4.4", major: 4 };
const protocols = ["http", "tcp"];

test("formatInput() gives an address without secrets as an argument, with its protocols", () => {
  const { args, script } = formatInput(
    { url: "http://up.example/a.mpd", protocols, options: { user_agent: "P 1" } },
    four,
  );
  const expected = "-protocol_whitelist|http,tcp|-user_agent|P 1|-i|http://up.example/a.mpd";
  assert.equal(args.join("|"), expected);
  assert.equal(script, undefined);
});

test("formatInput() writes an address with secrets, or secret headers, into a script, quoted", () => {
  const url = "http://joe:it's@up.example/a.mpd";
  const options = headerOptions({ "User-Agent": "P", Authorization: "Bearer 'x'" });
  const { args, script, exposed } = formatInput({ url, protocols, options }, seven);
  assert.ok(args.every((word) => !/joe|Bearer/.test(word)));
  assert.equal(args.at(args.indexOf("-protocol_whitelist") + 1), "pipe,http,tcp");
  assert.equal(
    script,
    "ffconcat version 1.0\nfile 'http://joe:it'\\''s@up.example/a.mpd'\n" +
      "option user_agent 'P'\noption headers 'Authorization: Bearer '\\''x'\\'''\n",
  );
  assert.equal(exposed, undefined);
});

test("formatInput() says when secrets must be shown", () => {
  const url = "http://up.example/a.mpd?token=1";
  const two = headerOptions({ Authorization: "Bearer x", Cookie: "a=b" });
  assert.equal(formatInput({ url, protocols, options: two }, seven).exposed, true);
  assert.equal(formatInput({ url, protocols, options: headerOptions({ Cookie: "a=b" }) }, four).exposed, true);
  assert.equal(formatInput({ url, protocols }, four).exposed, undefined);
});

test("no header and no address can add a line to a script", () => {
  const options = headerOptions({ Referer: "x\r\nfile '/etc/passwd'", "X-A": "1\nfile b", "B\nad": "1" });
  const { script } = formatInput({ url: "http://up.example/?token=1", protocols, options }, seven);
  assert.deepEqual(
    script?.split("\n").map((line) => line.split(" ")[0]),
    ["ffconcat", "file", "option", "option", ""],
  );
  assert.throws(() => formatInput({ url: "http://up.example/\nfile b", protocols }, seven), { code: "dial.refused" });
});

test("complaintOf() keeps the last distinct lines, without prefixes, addresses' secrets and control characters", () => {
  const url = "rtmp://up.example/live/abcdefghijklmnopqrstuvwxyz123456";
  const tail = `[rtmp @ 0x1] a\n[rtmp @ 0x1] b\r[in#0 @ 0x2] [x @ 0x3] b\n\u001b[31m${url}: I/O error\nConversion failed!\n`;
  const complaint = complaintOf(tail, url);
  assert.match(complaint, /^a; b; .*I\/O error$/);
  assert.doesNotMatch(complaint, /abcdefgh|\p{Cc}|0x/u);
});
