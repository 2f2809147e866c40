// Links without their passwords, and what is meant when one comes back.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fillLink, findNewPlaceholder, restoreLink, showLink } from "../../../providers/camera/admin-link.ts";

test("showLink() strikes out passwords wherever cameras want them, and nothing else", () => {
  const shown = {
    "rtsp://admin:hunter2@10.0.0.5:554/live": "rtsp://admin:***@10.0.0.5:554/live",
    "rtsp://admin:a@b:c/d@10.0.0.5/live": "rtsp://admin:***@10.0.0.5/live",
    "rtsp://10.0.0.5:554/user=admin&password=hunter2&channel=1":
      "rtsp://10.0.0.5:554/user=admin&password=***&channel=1",
    "http://10.0.0.5/video.mjpg?usr=a&pwd=hunter2#x": "http://10.0.0.5/video.mjpg?usr=a&pwd=***#x",
    "rtsp://admin:a/b?@10.0.0.5/live": "rtsp://admin:***@10.0.0.5/live",
    "rtsp://[fe80::1]:554/a@b": "rtsp://[fe80::1]:554/a@b",
    "srt://10.0.0.5:9000?passphrase=hunter2hunter2&mode=caller": "srt://10.0.0.5:9000?passphrase=***&mode=caller",
    "rtsp://10.0.0.5:554/a@b": "rtsp://10.0.0.5:554/a@b",
    "rtsp://admin@10.0.0.5/live": "rtsp://admin@10.0.0.5/live",
    "rtsp://admin:${DOOR}@10.0.0.5/live": "rtsp://admin:${DOOR}@10.0.0.5/live",
    "rtsp://admin:x${DOOR}@10.0.0.5/live": "rtsp://admin:***@10.0.0.5/live",
    "${DOOR_URL}": "${DOOR_URL}",
  };
  for (const [link, wanted] of Object.entries(shown)) assert.equal(showLink(link), wanted);
});

test("a link that comes back as it was shown is the one that was shown", () => {
  const part = fc.stringMatching(/^[\w.~!*@:-]{1,12}$/);
  const link = fc
    .tuple(fc.constantFrom("rtsp", "http"), part, part, fc.ipV4(), part, part)
    .map(
      ([scheme, user, password, host, path, token]) => `${scheme}://${user}:${password}@${host}/${path}?token=${token}`,
    );
  fc.assert(
    fc.property(link, (known) => {
      assert.equal(restoreLink(showLink(known), known), known);
      assert.equal(showLink(showLink(known)), showLink(known));
    }),
  );
});

test("restoreLink() keeps the password while all around it changes, and takes a new one as it is typed", () => {
  const known = "rtsp://admin:hunter2@10.0.0.5/live?token=t0k";
  assert.equal(
    restoreLink("rtsp://admin:***@10.0.0.9:8554/sub?token=***", known),
    "rtsp://admin:hunter2@10.0.0.9:8554/sub?token=t0k",
  );
  assert.equal(restoreLink("rtsp://root:new@10.0.0.9/", known), "rtsp://root:new@10.0.0.9/");
  assert.equal(restoreLink("rtsp://admin:***@10.0.0.9/", "rtsp://10.0.0.9/"), undefined);
  assert.equal(restoreLink("rtsp://admin:***@10.0.0.9/", undefined), undefined);
});

test("fillLink() dials what the file fills in, also with the rest changed", () => {
  const written = "rtsp://admin:${DOOR}@10.0.0.5/live";
  const filled = "rtsp://admin:hunter2@10.0.0.5/live";
  assert.equal(fillLink(written, written, filled), filled);
  assert.equal(fillLink("rtsp://admin:${DOOR}@10.0.0.6/live", written, filled), "rtsp://admin:hunter2@10.0.0.6/live");
  assert.equal(fillLink("${URL}", "${URL}", filled), filled);
});

test("findNewPlaceholder() lets none in, and none move to where it is shown", () => {
  const written = "rtsp://admin:${DOOR}@10.0.0.5/live";
  assert.equal(findNewPlaceholder("rtsp://admin:${DOOR}@10.0.0.6/live", written), undefined);
  assert.equal(findNewPlaceholder("rtsp://admin:${file:/etc/passwd}@10.0.0.6/", written), "${file:/etc/passwd}");
  assert.equal(findNewPlaceholder("rtsp://admin@10.0.0.6/${DOOR}", written), "${DOOR}");
  assert.equal(findNewPlaceholder("rtsp://10.0.0.6/${HOME}", undefined), "${HOME}");
});
