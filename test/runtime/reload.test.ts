// A config that changes while the headend runs: only what changed is restarted, and a mistake changes nothing.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StatusReport } from "../../core/server/headend.ts";
import { openUpstream } from "../support/upstream.ts";
import { fetchUntil, type Running, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

const playlist = (name: string) => `#EXTM3U\n#EXTINF:-1 tvg-id="${name}",${name}\nhttp://cdn.example/${name}.ts\n`;

/** Waits until the log says something new. */
async function untilSaid({ output }: Running, pattern: RegExp, from: number): Promise<string> {
  for (const last = Date.now() + 15_000; Date.now() < last; await sleep(20)) {
    const said = output().slice(from);
    if (pattern.test(said)) return said;
  }
  throw new Error(`${pattern} was not said:\n${output().slice(from)}`);
}

test("a changed config restarts what changed, and a broken one changes nothing", { timeout }, () =>
  withFolder(async (folder) => {
    const upstream = await openUpstream({
      "/one": playlist("Eins"),
      "/two": playlist("Zwei"),
      "/three": playlist("Drei"),
    });
    const file = join(folder, "headend.yaml");
    const instance = (name: string, more = "") =>
      `  ${name}: { use: m3u, playlist: "${upstream.base}/${name}"${more} }\n`;
    const write = (instances: string, more = "") => writeFile(file, `${more}instances:\n${instances}`);
    await write(instance("one") + instance("two"));
    try {
      await serving(
        folder,
        async (headend) => {
          const { base, output, pid } = headend;
          const lists = async (path = "/playlist.m3u") =>
            [...(await (await fetchUntil(200, base + path)).text()).matchAll(/,(\w+)$/gm)]
              .map(([, name]) => name)
              .sort();
          /** The list that is at hand is served while the next one is written. */
          const untilListed = async (...names: string[]) => {
            for (const last = Date.now() + 15_000; String(await lists()) !== String(names); await sleep(20))
              assert.ok(Date.now() < last, `${await lists()} are listed instead of ${names}`);
          };
          /** Changes the file, and tells the process when it need not find out. */
          const change = async (said: RegExp, signal: boolean, ...text: Parameters<typeof write>) => {
            const from = output().length;
            await write(...text);
            if (signal) process.kill(pid, "SIGHUP");
            return untilSaid(headend, said, from);
          };
          /** The status is as it was up to a second ago. */
          const untilStatus = async (good: (status: StatusReport) => boolean) => {
            for (const last = Date.now() + 15_000; ; await sleep(50)) {
              const status = (await (await fetch(`${base}/api/status`)).json()) as StatusReport;
              if (good(status)) return status;
              assert.ok(Date.now() < last, JSON.stringify(status.config));
            }
          };
          await fetchUntil(200, `${base}/readyz`);
          await untilListed("Eins", "Zwei");

          upstream.requests.length = 0;
          const added = await change(
            /config read again/,
            true,
            instance("one") + instance("two", ", refresh: 1h") + instance("three"),
          );
          assert.match(added, /"started":"three"/);
          assert.match(added, /"restarted":"two"/);
          await untilListed("Drei", "Eins", "Zwei");
          assert.ok(
            !upstream.requests.some((request) => request.endsWith("/one")),
            "an instance that had not changed was restarted",
          );

          const mistakes = [
            [instance("one", ", refesh: 1h"), /headend\.yaml:2:.*refesh.*refresh/],
            [`${instance("one")}  four: { use: m4u }\n`, /headend\.yaml:3:.*m4u.*m3u/],
            ["  one: { use: [m3u\n", /headend\.yaml:\d/],
          ] as const;
          for (const [text, reason] of mistakes) {
            await change(reason, false, text);
            assert.deepEqual(await lists(), ["Drei", "Eins", "Zwei"]);
            const { config } = await untilStatus((status) => reason.test(status.config?.sentence ?? ""));
            assert.ok(Date.parse(config?.since ?? "") <= Date.now());
          }

          assert.match(output(), /the changed config is refused; the one before stays in force/);
          await change(/"stopped":"two,three|"stopped":"three,two/, false, instance("one"));
          await untilListed("Eins");
          await untilStatus((status) => status.config === undefined);

          await change(/config read again/, true, instance("one"), "access: { tokens: { tv: 0123456789abcdef } }\n");
          assert.equal((await fetch(`${base}/playlist.m3u`)).status, 401);
          assert.deepEqual(await lists("/t/0123456789abcdef/playlist.m3u"), ["Eins"]);
          await change(/config read again/, true, instance("one"), "access: { tokens: { tv: fedcba9876543210 } }\n");
          assert.equal((await fetch(`${base}/t/0123456789abcdef/playlist.m3u`)).status, 403);
          assert.deepEqual(await lists("/t/fedcba9876543210/playlist.m3u"), ["Eins"]);
        },
        ["--config", file],
      );
    } finally {
      await upstream.close();
    }
  }),
);
