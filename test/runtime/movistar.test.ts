// Movistar by the headend as its user runs it: how it is stopped or killed, no session of the archive is left.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../support/host.ts";
import { type Movistar, openMovistar } from "../support/movistar/index.ts";
import { multicastMissing } from "../support/multicast.ts";
import { fetchUntil, type Running, serving, withFolder } from "./process.ts";

/** A headend that plays a past. */
async function playing(operator: Movistar, folder: string, work: (headend: Running) => Promise<void>): Promise<void> {
  const config = join(folder, "headend.yaml");
  await writeFile(config, `instances:\n  tv:\n    ${operator.config}`);
  const at = Math.floor(Date.now() / 1000) - 3600;
  await serving(
    folder,
    async (headend) => {
      await fetchUntil(200, `${headend.base}/tv/2543/${at}`);
      const response = await fetch(`${headend.base}/tv/2543/${at}`);
      assert.equal(response.status, 200);
      const reader = response.body?.getReader();
      assert.ok((await reader?.read())?.value);
      assert.ok(operator.vod.sessions.size > 0);
      await work(headend);
      await reader?.cancel().catch(() => {});
    },
    ["--config", config],
  );
}

test("SIGTERM tears the sessions of the archive down before the process ends", { timeout: 60_000 }, async () => {
  const operator = await openMovistar({ multicast: multicastMissing === false });
  try {
    await withFolder((folder) =>
      playing(operator, folder, async (headend) => {
        const { code } = await headend.end("SIGTERM");
        assert.equal(code, 0);
        assert.equal(operator.vod.sessions.size, 0);
        assert.deepEqual(operator.vod.abandoned, []);
      }),
    );
  } finally {
    await operator.close();
  }
});

test("what a killed process left is torn down by the next one", { timeout: 60_000 }, async () => {
  const operator = await openMovistar({ multicast: multicastMissing === false });
  try {
    await withFolder(async (folder) => {
      let left = "";
      await playing(operator, folder, async (headend) => {
        await until(() => operator.vod.sessions.size === 1, "there is one session");
        [left = ""] = operator.vod.sessions;
        // It is on disk a moment after it plays.
        const kept = join(folder, "instances/tv/cache/sessions.json");
        await until(async () => (await readFile(kept, "utf8").catch(() => "")).includes(left), "it is kept");
        await headend.end("SIGKILL");
        assert.ok(operator.vod.sessions.has(left));
      });
      await serving(folder, () => until(() => !operator.vod.sessions.has(left), "it is still there"), [
        "--config",
        join(folder, "headend.yaml"),
      ]);
    });
  } finally {
    await operator.close();
  }
});

test("the self-test goes through the operator's network, and says where it ends", { timeout: 60_000 }, async () => {
  const operator = await openMovistar({ multicast: multicastMissing === false });
  operator.startLive(2543);
  try {
    await withFolder((folder) =>
      playing(operator, folder, async ({ base }) => {
        const check = async () => {
          const report: unknown = await (await fetch(`${base}/api/doctor`)).json();
          return JSON.stringify(report);
        };
        const well = await check();
        for (const sentence of [
          /"name":"interface","ok":true/,
          /"name":"route","ok":(?:true,[^}]*127\.0\.0\.1|"note",[^}]*this runtime does not tell)/,
          /"name":"DNS","ok":true/,
          /"name":"web service","ok":true/,
          /"name":"entry point","ok":true/,
          /"name":"provider","ok":true,[^}]*8 channels/,
          /"name":"packages","ok":true,[^}]*7 of them/,
          /"name":"guide","ok":true,[^}]*all 2 days/,
          /"name":"live","ok":true/,
          /"name":"catch-up","ok":true/,
        ])
          assert.match(well, sentence);
        operator.entry.faults.silent = true;
        assert.match(await check(), /"name":"entry point","ok":false,[^}]*no data within 4s/);
      }),
    );
  } finally {
    await operator.close();
  }
});
