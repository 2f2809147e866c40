// A data folder on a disk that is full or read-only: Headend says so, and serves what it has.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openUpstream } from "../support/upstream.ts";
import { fetchUntil, type Running, runHeadend, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

const playlist = (name: string) => `#EXTM3U\n#EXTINF:-1 tvg-id="a",${name}\nhttp://cdn.example/${name}.ts\n`;
const guide = (title: string) =>
  `<tv><channel id="a"><display-name>A</display-name></channel><programme start="20990101000000 +0000" stop="20990101010000 +0000" channel="a"><title>${title}</title></programme></tv>`;
const config = (base: string) =>
  `guide: { days: all }\ninstances:\n  good: { use: m3u, playlist: "${base}/list", guides: ["${base}/guide"] }\n`;

async function served({ base }: Running): Promise<string[]> {
  const paths = ["/playlist.m3u", "/guide.xml"];
  return Promise.all(paths.map(async (path) => (await fetchUntil(200, base + path)).text()));
}

const mountable = process.platform === "linux" && process.getuid?.() === 0;

/** A small file system that can be filled and made read-only. */
async function withDisk(work: (path: string, remount: () => void) => Promise<void>, skip: (why: string) => void) {
  await withFolder(async (folder) => {
    const disk = join(folder, "disk");
    await mkdir(disk);
    const run = (...words: string[]) => spawnSync(words[0] ?? "", words.slice(1)).status === 0;
    if (!run("mount", "-t", "tmpfs", "-o", "size=4m", "headend-test", disk)) return skip("this user cannot mount");
    // What stands in for the disk lies there, and goes with the folder.
    const { TMPDIR } = process.env;
    process.env.TMPDIR = folder;
    try {
      await work(disk, () => assert.ok(run("mount", "-o", "remount,ro", disk), "cannot be made read-only"));
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      run("umount", "-l", disk);
    }
  });
}

for (const trouble of ["read-only", "full"] as const)
  test(
    `a disk that is ${trouble} is told of in one sentence, and what was kept is served`,
    { skip: !mountable, timeout },
    (t) =>
      withDisk(
        async (disk, remount) => {
          const upstream = await openUpstream({ "/list": playlist("A"), "/guide": guide("first") });
          const data = join(disk, "data");
          const args = ["--config", join(disk, "headend.yaml")];
          await writeFile(join(disk, "headend.yaml"), config(upstream.base));
          const spoil = () => {
            if (trouble === "read-only") remount();
            else fill(join(disk, "fill"));
          };
          const told = trouble === "read-only" ? /the file system is read-only/ : /no space is left on the disk/;
          const untilTold = async ({ output }: Running) => {
            for (const last = Date.now() + 15_000; !told.test(output()); await sleep(20))
              assert.ok(Date.now() < last, `${told} was not said:\n${output()}`);
          };
          const change = async ({ base }: Running) => {
            upstream.answers.set("/list", playlist("B"));
            upstream.answers.set("/guide", guide("second"));
            upstream.requests.length = 0;
            await fetch(`${base}/api/instances/good/refresh`, { method: "POST" });
            while (upstream.requests.length < 2) await fetchUntil(200, `${base}/api/status`);
          };
          try {
            await mkdir(data);
            await serving(
              data,
              async (headend) => {
                await fetchUntil(200, `${headend.base}/readyz`);
                const before = await served(headend);
                // Linux makes no disk read-only on which a file is open for writing.
                if (trouble === "full") {
                  spoil();
                  await change(headend);
                  await untilTold(headend);
                  assert.deepEqual(await served(headend), before);
                }
                assert.equal((await headend.end("SIGTERM")).code, 0);
              },
              args,
            );
            spoil();
            // What a start tidies away may be room enough for a small list: nothing is to be had until we have looked.
            if (trouble === "full") for (const path of ["/list", "/guide"]) upstream.answers.delete(path);
            await serving(
              data,
              async (headend) => {
                const [merged, xml] = await served(headend);
                assert.match(merged ?? "", /,A\n/);
                assert.match(xml ?? "", /<title>first</);
                // A full disk is noticed when something is to be written.
                if (trouble === "full") {
                  spoil();
                  await change(headend);
                }
                await untilTold(headend);
                const second = await runHeadend(["refresh", "--data", data, ...args], disk);
                assert.equal(second.code, 2, second.output);
                assert.match(second.output, /another headend is using/);
              },
              args,
            );
          } finally {
            await upstream.close();
          }
        },
        (why) => t.skip(why),
      ),
  );

/** Writes until nothing more goes in. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, new Uint8Array(4096));
  } catch {
    closeSync(file);
  }
}
