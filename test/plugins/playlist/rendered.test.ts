// When playlists are made from the lineup, and who waits for that.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { lineupChannel, until } from "../../support/host.ts";
import { start } from "./start.ts";

test("playlist is made once when the lineup changes several times in a row, or when it is asked for before", async (t) => {
  const { host, get } = await start(t);
  const written: string[] = [];
  const { write } = host.cache;
  host.cache.write = (key, content) => {
    if (key.endsWith("lineup.m3u")) written.push(key);
    return write(key, content);
  };
  for (const name of ["C", "D", "E"]) {
    host.publish([lineupChannel({ name })]);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }
  assert.deepEqual(written, []);
  await host.clock.advance(1000);
  await until(
    async () => (await readFile(host.cache.path("lineup.m3u"), "utf8").catch(() => "")).includes(",E\n"),
    "the last",
  );
  assert.equal(written.length, 1);
  host.publish([lineupChannel({ name: "F" })]);
  assert.match(await (await get("/playlist.m3u")).text(), /,F\n/);
  assert.equal(written.length, 2);
  await host.clock.advance(1000);
  assert.equal(written.length, 2);
});

test("playlist gives the version at hand when a newer one takes long to write", async (t) => {
  const { host, get } = await start(t);
  host.publish([lineupChannel({ name: "C" })]);
  assert.match(await (await get("/playlist.m3u")).text(), /,C\n/);
  const { write } = host.cache;
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  host.cache.write = async (key, content) => {
    if (key === "lineup.m3u") await slow;
    return write(key, content);
  };
  host.publish([lineupChannel({ name: "D" })]);
  const asked = get("/playlist.m3u");
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  await host.clock.advance(2000);
  assert.match(await (await asked).text(), /,C\n/);
  release();
  assert.match(await (await get("/playlist.m3u")).text(), /,D\n/);
});
