// Forms of cameras: whatever is filled in is right, or told to be wrong.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planEdit, readForm } from "../../../providers/camera/admin-form.ts";

test("a form may be anything: it is right, or its faults are told", () => {
  const known = { written: { url: "rtsp://u:${P}@h/", linger: "3s" }, url: "rtsp://u:hunter2@h/" };
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom("rtsp://u:***@h/", "rtsp://h/", "door", "auto", true, null));
  const form = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom("nickname", "url", "name", "audio", "always", "linger", "__proto__", "other"), value),
  );
  fc.assert(
    fc.property(form, fc.boolean(), (given, edited) => {
      const read = readForm(given, edited ? known : undefined);
      if ("faults" in read) assert.ok(Object.values(read.faults).every((sentence) => sentence.length > 0));
      else assert.match(read.value.filled.url, /^rtsp:\/\/[^*$]*$/);
    }),
  );
});

test("an edit that says what is there already changes nothing", () => {
  const known = { written: { url: "rtsp://u:hunter2@h/", linger: "3s" }, url: "rtsp://u:hunter2@h/" };
  const read = readForm({ nickname: "door", url: "rtsp://u:***@h/", linger: "3s", name: "", always: null }, known);
  assert.ok("value" in read);
  assert.deepEqual(planEdit("door", known, read.value), []);
  const keyed = { written: { url: "rtsp://h/", hls: { mode: "ll" } }, url: "rtsp://h/" };
  const same = readForm({ nickname: "door", hls: { mode: "ll" } }, keyed);
  assert.ok("value" in same);
  assert.deepEqual(planEdit("door", keyed, same.value), []);
});

test("an address is one line", () => {
  for (const url of ["rtsp://h/x\ny: z", "rtsp://h/\0", "rtsp://h/\r\nAccept: x", "rtsp://h/a\u0085b"]) {
    const read = readForm({ nickname: "door", url }, undefined);
    assert.match(
      "faults" in read ? (read.faults.url ?? "") : "",
      /expected the address of a camera/,
      JSON.stringify(url),
    );
  }
  assert.ok("value" in readForm({ nickname: "door", url: " rtsp://u:pass word@h/ü?x=1\n" }, undefined));
});
