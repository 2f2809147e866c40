// What happens when something breaks: a source, the worker, the machine, the caller's patience.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL, URL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { createGuide } from "../../../core/guide/index.ts";
import { channel, day, hour, log, programme, readStrictly, target, tv, withRig, worker } from "./rig.ts";

const noon = Date.UTC(2026, 0, 1, 12);
const good = tv(channel("a"), programme("a", noon, "A"));
const targets = [target("a"), target("b")];

describe("merge() of a bad source", () => {
  const bad: [string, string | Uint8Array, RegExp][] = [
    ["an HTML page", "<!DOCTYPE html><html><body><p>Not found &nbsp; <b>404</p></body></html>", /not an XMLTV guide/],
    ["an RSS feed", "<rss><channel><title>x</title></channel></rss>", /not an XMLTV guide/],
    ["an empty file", "", /it is empty/],
    ["random bytes", Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31) & 255), /not an XMLTV guide/],
    ["a decompression bomb", gzipSync(new Uint8Array(70_000_000)), /decompression bomb/],
  ];
  for (const [what, content, error] of bad) {
    test(`reports ${what} and goes on with the others`, () =>
      withRig(async ({ source, merge, titles }) => {
        const report = await merge(targets, [await source("bad", content), await source("good", good)]);
        assert.match(report.sources[0]?.error ?? "", error);
        assert.equal(report.sources[1]?.error, undefined);
        assert.deepEqual(await titles(), ["a A"]);
      }));
  }

  test("takes everything that stands before the end of a cut gzip file", () =>
    withRig(async ({ source, merge, read }) => {
      const many = tv(...Array.from({ length: 2000 }, (_, i) => programme("a", noon + i * hour, `P${Math.sin(i)}`)));
      const whole = gzipSync(many);
      const report = await merge(targets, [await source("cut", whole.subarray(0, whole.length / 2))]);
      assert.match(report.sources[0]?.error ?? "", /^cut: damaged gzip data/);
      const { programmes } = await read();
      assert.ok(programmes.length > 800 && programmes.length < 1300, `${programmes.length}`);
    }));

  test("mends what is ill-formed, and counts it", () =>
    withRig(async ({ source, merge, read }) => {
      const document = tv(
        programme("a", noon, "Tom & Jerry&nbsp;&bogus;"),
        `<programme start="20260101130000 +0000" channel="a"><title>unclosed`,
        programme("b", noon, "after"),
        `<programme start="20260101140000 +0000" channel="a"><title>cut`,
      ).replace("</tv>\n", "");
      const report = await merge(targets, [await source("ill", document)]);
      assert.deepEqual(
        (await read()).programmes.map(({ attributes, title }) => `${attributes.channel} ${title.trim()}`),
        ["a Tom & Jerry\u00a0&bogus;", "a unclosed", "b after", "a cut"],
      );
      assert.deepEqual(report.sources[0]?.lost, {
        "bare ampersand": 1,
        "undefined entity": 2,
        "element not closed": 2,
        "unclosed element": 2,
      });
    }));

  test("skips an element larger than 4 MiB", () =>
    withRig(async ({ source, merge, titles }) => {
      const huge = `<programme start="20260101120000 +0000" channel="a"><title>big</title><desc>${"x".repeat(5_000_000)}</desc></programme>`;
      const report = await merge(targets, [await source("huge", tv(huge, programme("b", noon, "after")))]);
      assert.deepEqual(await titles(), ["b after"]);
      assert.equal(report.sources[0]?.lost["element too large"], 1);
    }));

  test("keeps the last good guide when no source can be read", () =>
    withRig(async ({ source, merge, titles }) => {
      await merge(targets, [await source("good", good)]);
      const gone = { name: "gone", instance: "m3u", path: "/nowhere/at/all.xml", digest: "x" };
      await assert.rejects(merge(targets, [gone]), { code: "guide.merge" });
      assert.deepEqual(await titles(), ["a A"]);
    }));
});

describe("merge() that does not end well", () => {
  test("fails when its worker crashes; the last good guide stays and no file is left", () =>
    withRig(async ({ source, merge, folder, clock, titles }) => {
      await merge(targets, [await source("good", good)]);
      const crashing = join(folder, "crash.ts");
      await writeFile(
        crashing,
        `import { parentPort } from "node:worker_threads";\nparentPort.on("message", () => { throw new Error("boom"); });\n`,
      );
      const broken = createGuide({
        folder: join(folder, "guide"),
        clock,
        log,
        worker: pathToFileURL(crashing),
        settings: { match: "name", repair: [] },
      });
      await broken.restore();
      await assert.rejects(broken.merge([target("b")], [], new AbortController().signal), { code: "guide.merge" });
      assert.ok(await broken.artefact());
      await broken.close();
      assert.ok(!(await readdir(join(folder, "guide"))).includes("staging"));
      assert.deepEqual(await titles(), ["a A"]);
    }));

  test("stops when it is aborted", () =>
    withRig(async ({ source, guide, folder }) => {
      const many = tv(...Array.from({ length: 40_000 }, (_, i) => programme("a", noon + i * hour, `P${i}`)));
      const controller = new AbortController();
      const progress = () => controller.abort(new Error("enough"));
      await assert.rejects(
        guide.merge(targets, [await source("many", many), await source("more", many)], controller.signal, progress),
        /enough/,
      );
      assert.equal(await guide.artefact(), undefined);
      assert.deepEqual(await readdir(join(folder, "guide")), []);
    }));

  test("leaves a whole guide in force when the process is killed at any moment", () =>
    withRig(async ({ source, folder, clock }) => {
      const document = (round: number) =>
        tv(channel("a"), ...Array.from({ length: 3000 }, (_, i) => programme("a", noon + i * hour, `${round} ${i}`)));
      const home = join(folder, "guide");
      const child = fileURLToPath(new URL("child.ts", import.meta.url));
      let last = -1;
      for (let round = 0; round < 8; round++) {
        const { path } = await source("s", document(round));
        const args = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
        const run = spawn(process.execPath, [...args, child, home, path, String(round)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        let said = "";
        run.stdout.on("data", (chunk) => {
          said += chunk;
          // From at once to some time after the merge began.
          if (said.includes("ready") && round > 0)
            setImmediate(() => setTimeout(() => run.kill("SIGKILL"), round * 12));
        });
        await once(run, "close");
        const guide = createGuide({ folder: home, clock, log, worker, settings: { match: "name", repair: [] } });
        await guide.restore();
        const artefact = await guide.artefact();
        assert.ok(artefact, "the first merge was left to end");
        const { programmes } = readStrictly(gunzipSync(await readFile(artefact.path)).toString("utf8"));
        const served = Number(programmes[0]?.title.split(" ")[0]);
        assert.equal(programmes.length, 3000);
        assert.ok(served >= last, "never older than the last success");
        if (said.includes("merged")) assert.equal(served, round);
        last = served;
        await guide.close();
        const left = await readdir(home);
        assert.ok(
          left.every((name) => name === "guide.json" || name.startsWith(artefact.etag.slice(1, 17))),
          left.join(),
        );
      }
    }));
});

describe("restore()", () => {
  test("serves the guide of the process before", () =>
    withRig(async ({ source, merge, guide, folder, clock }) => {
      await merge(targets, [await source("good", good)]);
      const again = createGuide({
        folder: join(folder, "guide"),
        clock,
        log,
        worker,
        settings: { match: "name", repair: [] },
      });
      await again.restore();
      assert.deepEqual(await again.artefact(), await guide.artefact());
      assert.deepEqual(again.matches(), guide.matches());
      await again.close();
    }));

  test("serves nothing when the guide is not whole", () =>
    withRig(async ({ source, merge, guide, folder, clock }) => {
      await merge(targets, [await source("good", good)]);
      const path = (await guide.artefact())?.path ?? "";
      await truncate(path, (await stat(path)).size - 1);
      const again = createGuide({
        folder: join(folder, "guide"),
        clock,
        log,
        worker,
        settings: { match: "name", repair: [] },
      });
      await again.restore();
      assert.equal(await again.artefact(), undefined);
      await again.close();
    }));
});

describe("merge() of the same again", () => {
  test("writes nothing for a day, also after a restart, and then makes it anew", () =>
    withRig(async ({ source, merge, guide, folder, clock }) => {
      const sources = [await source("good", good)];
      const first = await merge(targets, sources);
      const path = (await guide.artefact())?.path ?? "";
      const before = await stat(path);
      const again = createGuide({
        folder: join(folder, "guide"),
        clock,
        log,
        worker,
        settings: { match: "name", repair: [] },
      });
      await again.restore();
      for (const keeper of [guide, again]) {
        const report = await keeper.merge(targets, sources, new AbortController().signal);
        assert.deepEqual({ ...report, seconds: 0 }, { ...first, unchanged: true, seconds: 0 });
      }
      await again.close();
      assert.deepEqual((await stat(path)).mtimeMs, before.mtimeMs);
      await clock.advance(day);
      assert.equal((await merge(targets, sources)).unchanged, false);
    }));

  test("is no longer the same when a target, a setting or a source differs", () =>
    withRig(async ({ source, merge, guide }) => {
      const sources = [await source("good", good)];
      await merge(targets, sources);
      assert.equal((await merge([target("a", { number: "2" })], sources)).unchanged, false);
      guide.configure({ match: "exact", repair: [] });
      assert.equal((await merge([target("a", { number: "2" })], sources)).unchanged, false);
      assert.equal(
        (await merge([target("a", { number: "2" })], [await source("good", good, { shift: hour })])).unchanged,
        false,
      );
      assert.equal(
        (await merge([target("a", { number: "2" })], [await source("good", good, { shift: hour })])).unchanged,
        true,
      );
    }));

  test("keeps entity tag and file when the content comes out the same", () =>
    withRig(async ({ source, merge, guide }) => {
      await merge(targets, [await source("good", good)]);
      const before = await guide.artefact();
      let called = 0;
      guide.onChange(() => called++, new AbortController().signal);
      await merge(targets, [await source("good", good.replace("<tv>", "<tv>\n\n"))]);
      assert.deepEqual(await guide.artefact(), before);
      assert.equal(called, 0);
      await merge(targets, [await source("good", good.replace(">A<", ">B<"))]);
      assert.notEqual((await guide.artefact())?.etag, before?.etag);
      assert.equal(called, 1);
    }));
});
