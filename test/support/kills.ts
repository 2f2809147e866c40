// Kills Headend again and again at random moments of its refreshes, and checks each time what it serves afterwards.
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fetchUntil, launch, runHeadend, serving } from "../runtime/process.ts";
import { openVersions, readServed, type Versions } from "./versions.ts";

export interface KillsOptions {
  /** Empty; for config and data. */
  readonly folder: string;
  readonly kills: number;
  readonly channels: number;
  readonly programmes: number;
  /** `[0, 1)` */
  random(): number;
  /** After every kill. */
  told?(kill: number, what: string): void;
}

export interface KillsReport {
  /** Files of the data folder after the first good refresh, and the most there were after a kill and a start. */
  readonly files: { readonly first: number; readonly most: number; readonly last: number };
  /** Kills that came while the process still ran. */
  readonly hits: number;
  readonly last: Versions;
}

/** Half of the kills meet `refresh`, half a serving process that refreshes. @throws AssertionError when something is lost */
export async function killAgainAndAgain(o: KillsOptions): Promise<KillsReport> {
  const { folder, channels, random } = o;
  const upstream = await openVersions(channels, o.programmes);
  const data = join(folder, "data");
  const config = join(folder, "headend.yaml");
  const args = ["--config", config];
  let floor: Versions = { playlist: 0, guide: 0 };
  let hits = 0;
  try {
    await writeFile(config, upstream.config);
    const begun = Date.now();
    const first = await runHeadend(["refresh", "--data", data, ...args], folder);
    assert.equal(first.code, 0, first.output);
    const span = (Date.now() - begun) * 1.1;
    floor = { ...upstream.given };
    const files = { first: (await listFiles(data)).length, most: 0, last: 0 };

    for (let kill = 1; kill <= o.kills; kill++) {
      const after = random() * span;
      let what: string;
      if (kill % 2 === 0) {
        const { child, ended } = launch(["refresh", "--data", data, "--log-level", "error", ...args], folder);
        const end = await Promise.race([ended, sleep(after)]);
        child.kill("SIGKILL");
        const { code, output } = await ended;
        if (end) assert.equal(code, 0, output);
        if (end) floor = { ...upstream.given };
        else hits++;
        what = end ? "refresh, which had ended" : `refresh after ${after.toFixed(0)} ms`;
      } else what = `serve after ${after.toFixed(0)} ms of refreshing`;
      upstream.down = true;
      await serving(
        data,
        async ({ base, pid }) => {
          await fetchUntil(200, `${base}/playlist.m3u`);
          const served = await readServed(base, channels, floor);
          assert.ok(served, "nothing is served");
          floor = served;
          if (kill % 2 === 0) return;
          upstream.down = false;
          const killed = sleep(after).then(() => process.kill(pid, "SIGKILL"));
          await readUntilGone();
          await killed;
          hits++;

          async function readUntilGone(): Promise<void> {
            for (const name of ["one", "two"])
              await fetch(`${base}/api/instances/${name}/refresh`, { method: "POST" }).catch(() => {});
            for (;;) {
              try {
                floor = (await readServed(base, channels, floor)) ?? floor;
              } catch (error) {
                if (error instanceof assert.AssertionError) throw error;
                return;
              }
            }
          }
        },
        args,
      );
      upstream.down = false;
      files.last = (await listFiles(data)).length;
      files.most = Math.max(files.most, files.last);
      o.told?.(kill, what);
    }
    return { files, hits, last: floor };
  } finally {
    await upstream.close();
  }
}

/** Every file below a folder. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
