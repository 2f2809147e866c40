// The table of schemes: what is opened, what never is, and what an address may hide.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openDialling } from "./dialing.ts";

const never = [
  "file:///etc/passwd",
  "FILE:/etc/passwd",
  " pipe:0",
  "exec:/bin/sh",
  "fd:",
  "data:video/mp2t;base64,AA",
  "concat:a|b",
  "concatf:x",
  "subfile,,start,0,end,1,,:/etc/passwd",
  "crypto:file:/x",
  "cache:http://a",
  "async:file:/x",
  "unix:/x",
  "tee:x",
  "lavfi:testsrc",
];

for (const url of never)
  test(`dial() never opens ${url.trim()}`, async () => {
    const given = await openDialling();
    const code = url.startsWith("subfile,") ? "dial.refused" : "dial.forbidden";
    await assert.rejects(given.dial(url), { code });
    await given.close();
  });

const strange: readonly (readonly [string, string, RegExp])[] = [
  ["gopher://up.example/1", "dial.scheme", /nothing here opens gopher: addresses$/],
  ["constructor://x", "dial.scheme", /nothing here opens constructor: addresses$/],
  ["plugin://plugin.video.x/?pass=geheim", "dial.scheme", /nothing here opens plugin: addresses$/],
  ["up.example/1.ts", "dial.refused", /this is not an address$/],
  ["", "dial.refused", /this is not an address$/],
  ["rtmp://up.example/a\u0000b", "dial.refused", /control characters$/],
];
for (const [url, code, words] of strange)
  test(`dial() says what is wrong with ${JSON.stringify(url)}`, async () => {
    const given = await openDialling();
    await assert.rejects(given.dial(url), (error: Error & { code: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /geheim/);
      return true;
    });
    await given.close();
  });

test("dial() does nothing for who has left already, or after the instance has stopped", async () => {
  const given = await openDialling();
  const why = new Error("left");
  await assert.rejects(given.dial("http://127.0.0.1:1/", { signal: AbortSignal.abort(why) }), why);
  await given.close();
  await assert.rejects(given.dial("http://127.0.0.1:1/"), /the test is over/);
});
