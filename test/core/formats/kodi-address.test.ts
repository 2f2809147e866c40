// Addresses that only Kodi can open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isKodiAddress } from "../../../core/formats/kodi-address.ts";

test("isKodiAddress() knows an add-on's address, in any case, and no other", () => {
  for (const url of ["plugin://plugin.video.x/1", "PLUGIN://x"]) assert.ok(isKodiAddress(url));
  for (const url of [undefined, "", "http://plugin://x", "plugins://x", "plugin:x", "/plugin://x"])
    assert.ok(!isKodiAddress(url));
});
