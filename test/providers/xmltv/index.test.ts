// The XMLTV provider: guides only, in the order of the config.
import assert from "node:assert/strict";
import { test } from "node:test";
import xmltv from "../../../providers/xmltv/index.ts";
import { createTestHost } from "../../support/host.ts";
import { testPlugin } from "../../support/plugin.ts";

test("xmltv gives its guides in order, with everything that is said of them", async (t) => {
  const host = await createTestHost("world");
  t.after(() => host.close());
  const guides = ["http://g.example/1.xml.gz", "/srv/2.xml"];
  const plain = await xmltv.setup(host, xmltv.config.parse({ guides }));
  assert.deepEqual(await plain.guide?.({ from: 0, to: 1 }, host.signal), [
    { url: guides[0], local: true },
    { url: guides[1], local: true },
  ]);
  assert.deepEqual(Object.keys(plain), ["guide"]);
  const map = { a: "b" };
  const all = await xmltv.setup(host, xmltv.config.parse({ guides, map, match: "name", shift: "-1h30m" }));
  assert.deepEqual((await all.guide?.({ from: 0, to: 1 }, host.signal))?.[1], {
    url: guides[1],
    local: true,
    shift: -5_400_000,
    match: "name",
    map,
  });
});

test("xmltv refuses no guides, a shift that is no duration, and keys that it does not know", () => {
  for (const config of [{}, { guides: [] }, { guides: ["g"], shift: "1" }, { guides: ["g"], url: "x" }]) {
    assert.equal(xmltv.config.safeParse(config).success, false, JSON.stringify(config));
  }
});

testPlugin(xmltv, { config: { guides: ["http://g.example/1.xml"] }, invalid: [{ guides: [""] }] });
