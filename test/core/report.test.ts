// What `headend refresh` prints fits a terminal: states in the table, sentences below it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refresh, start, table, upstream, useHeadend } from "../support/whole.ts";

describe("formatRefresh()", () => {
  useHeadend();

  it("says a failure's sentence once, below a table of less than 80 columns", async () => {
    await start(
      `instances:\n  one: { use: m3u, playlist: "${upstream.base}/no/such/list.m3u", guides: ["${upstream.base}/a.xml", "${upstream.base}/gone.xml"] }\n  two: { use: m3u, playlist: "${upstream.base}/list.m3u", guides: ["${upstream.base}/lost.xml"] }\n  bad: { use: ./missing.ts }\n`,
    );
    await refresh();
    const lines = table().split("\n");
    const rows = lines.slice(0, 4);
    assert.deepEqual(
      rows.map((row) => row.split(/\s+/).at(-1)),
      ["state", "degraded", "degraded", "invalid"],
    );
    for (const row of rows) assert.ok(row.length < 80, row);
    const notes = lines.slice(4).join("\n");
    for (const said of ["list.m3u: answered 404", "gone.xml: answered 404", "lost.xml: answered 404", "no file is at"])
      assert.equal(notes.split(said).length, 2, `${said} in:\n${notes}`);
    assert.match(notes, /^one: .*no\/such\/list\.m3u: answered 404/m);
    assert.match(notes, /^bad: /m);
  });
});
