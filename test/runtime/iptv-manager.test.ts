// What becomes of an add-on that is calling back, and of what was good, when the headend ends, politely or not.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addon, example } from "../providers/iptv-manager/add-ons.ts";
import { serving, withFolder } from "./process.ts";

async function textUntil(url: string, holds: (text: string) => boolean): Promise<string> {
  for (let turn = 0; turn < 500; turn++) {
    const text = await (await fetch(url)).text();
    if (holds(text)) return text;
    await sleep(20);
  }
  throw new Error(`${url} never had what it should`);
}

/** One add-on that answers in this way, after so many seconds. */
async function writeConfig(folder: string, way: string, seconds: number): Promise<void> {
  const half = (name: string) => ({
    command: ["python3", addon, way, join(folder, `${name}.json`), "{port}", String(seconds)],
  });
  const sources = [{ name: "One", channels: half("channels"), epg: half("epg") }];
  const instances = { addons: { use: "iptv-manager", sources }, testcard: false };
  await writeFile(join(folder, "headend.json"), JSON.stringify({ instances }));
  for (const name of ["channels", "epg"] as const)
    await writeFile(join(folder, `${name}.json`), JSON.stringify(example[name]));
}

test(
  "test_service: SIGINT while an add-on is at work ends the service, and the add-on with it",
  { timeout: 60_000 },
  () =>
    withFolder(async (folder) => {
      await writeConfig(folder, "reply", 50);
      await serving(
        folder,
        async ({ base, end }) => {
          await textUntil(`${base}/addons/status.json`, (text) => text.includes('"asked"'));
          await sleep(300);
          const started = performance.now();
          const { code } = await end("SIGINT");
          assert.ok(code === 0 || code === 130, String(code));
          assert.ok(performance.now() - started < 10_000);
        },
        ["--config", join(folder, "headend.json")],
      );
      const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
      assert.ok(!stdout.includes(join(folder, "channels.json")), "the add-on lives on");
    }),
);

test("a program that does not listen to SIGTERM does not outlive the service", { timeout: 60_000 }, () =>
  withFolder(async (folder) => {
    const mark = join(folder, "mark");
    const code = `import signal,sys,time\nsignal.signal(signal.SIGTERM,signal.SIG_IGN)\nopen(sys.argv[1],'w').close()\ntime.sleep(60)`;
    const sources = [{ name: "Deaf", channels: { command: ["python3", "-c", code, mark] } }];
    const instances = { addons: { use: "iptv-manager", sources }, testcard: false };
    await writeFile(join(folder, "headend.json"), JSON.stringify({ instances }));
    await serving(
      folder,
      async ({ end }) => {
        for (let turn = 0; turn < 500 && !existsSync(mark); turn++) await sleep(20);
        await end("SIGINT");
      },
      ["--config", join(folder, "headend.json")],
    );
    assert.ok(existsSync(mark));
    const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
    assert.ok(!stdout.includes(mark), "the program lives on");
  }),
);

test("kill -9 during a callback loses nothing that was good", { timeout: 60_000 }, () =>
  withFolder(async (folder) => {
    const configure = (way: string, seconds: number) => writeConfig(folder, way, seconds);
    const words = ["--config", join(folder, "headend.json")];
    const read = async (base: string) => [
      (await textUntil(`${base}/playlist.m3u`, (text) => text.includes("één.be"))).replaceAll(base, ""),
      await textUntil(`${base}/guide.xml`, (text) => text.includes("Op één")),
    ];
    const status = (base: string, what: RegExp) => textUntil(`${base}/addons/status.json`, (text) => what.test(text));

    await configure("reply", 0);
    const good = await serving(folder, ({ base }) => read(base), words);
    // Connected, and at work for longer than anybody waits here.
    await configure("reply", 50);
    await serving(
      folder,
      async ({ base, end }) => {
        await status(base, /"asked"/);
        assert.deepEqual(await read(base), good);
        await sleep(300);
        await end("SIGKILL");
      },
      words,
    );
    await configure("fail", 0);
    await serving(
      folder,
      async ({ base }) => {
        await status(base, /sent nothing/);
        assert.deepEqual(await read(base), good);
      },
      words,
    );
  }),
);
