// What `headend doctor` makes of its own interruption, and of configs with which it cannot be well.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { freePort } from "../core/transport/udp/sending.ts";
import { openUpstream } from "../support/upstream.ts";
import { alone, ask, doctor, failing, running, tuner } from "./doctor-asking.ts";
import { launch, runHeadend, withFolder } from "./process.ts";

test("a test that is interrupted half-way ends at once, and gives the data folder back", async () => {
  const upstream = await openUpstream();
  try {
    const asked = Promise.withResolvers<void>();
    upstream.answers.set("/list.m3u", `#EXTM3U\n#EXTINF:-1,Mute\n${upstream.base}/mute.ts\n`);
    upstream.answers.set("/mute.ts", () => asked.resolve());
    await withFolder(async (folder) => {
      const config = `instances:\n  up: { use: m3u, playlist: "${upstream.base}/list.m3u" }\n`;
      await writeFile(join(folder, "headend.yaml"), config);
      const { child, ended } = launch(["doctor", "--data", join(folder, "data"), ...alone], folder);
      await asked.promise;
      if (child.pid) process.kill(child.pid, "SIGINT");
      const { code, output } = await ended;
      assert.equal(code, 2, output);
      assert.match(output, /ended by SIGINT/);
      assert.doesNotMatch(output, /checks in/);
      const again = await runHeadend(["refresh", "--data", join(folder, "data")], folder);
      assert.equal(again.code, 0, again.output);
    });
  } finally {
    await upstream.close();
  }
});

test("a config that cannot be used is told of once", async () => {
  const { code, output } = await doctor("access: { tokens: { tv: short } }\ninstances: {}\n", alone);
  assert.equal(code, 2, output);
  assert.equal(output.split("access.tokens.tv").length, 2, output);
});

test("two devices at one port are told of each other", async () => {
  const port = await freePort();
  const at = async () => (await tuner()).replace("port: 0,", `port: ${port},`);
  const config = `instances:\n  testcard: { use: testcard }\n  den: ${await at()}\n  kids: ${await at()}\n`;
  await running(config, async (headend) => {
    const said = failing(await ask(headend)).map(({ sentence }) => sentence);
    assert.ok(
      said.some((each) => /the instance (?:den|kids) has this port; give one of them another/.test(each)),
      said.join("\n"),
    );
  });
});
