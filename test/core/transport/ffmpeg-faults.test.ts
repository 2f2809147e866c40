// An ffmpeg that is missing, dies, hangs, lies or leaves things behind: a sentence each, and no process that stays.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import type { Clock } from "../../../core/plugin.ts";
import { createTestClock } from "../../support/clock.ts";
import { until } from "../../support/host.ts";
import { convertClip, makeClip, mediaMissing } from "../../support/media.ts";
import { countGroup, openDialling, openWeb, programsWith, readBytes, transport } from "./dialing.ts";

const windows = process.platform === "win32" && "these stand-ins for a broken ffmpeg are shell scripts";

describe("a broken ffmpeg", { skip: windows }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-broken-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A script that says it is ffmpeg, and then does something else. */
  async function broken(body: string, version = "ffmpeg version 9.9-broken"): Promise<string> {
    const path = join(folder, `broken-${Math.random().toString(36).slice(2)}`);
    await writeFile(path, `#!/bin/sh\ncase "$*" in *-version*) echo "${version}"; exit 0;; esac\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  }

  async function failure(path: string, url: string, clock?: Clock): Promise<{ code: string; message: string }> {
    const given = await openDialling({ ffmpeg: { path }, ...(clock && { clock }) });
    try {
      await given.dial(url);
    } catch (error) {
      return error as { code: string; message: string };
    } finally {
      await given.close();
    }
    throw new Error("it did not fail");
  }

  test("that is nowhere is named with what to install and the key, until it is there", async () => {
    const path = process.env.PATH;
    const settings = { path: join(folder, "later") };
    const given = await openDialling({ ffmpeg: settings });
    process.env.PATH = folder;
    try {
      const words =
        /needs ffmpeg, which was not found; install it, or say where it is with streams\.ffmpeg or FFMPEG_PATH$/;
      await assert.rejects(given.dial("rtmp://joe:geheim@127.0.0.1:1/a"), { code: "dial.ffmpegless", message: words });
      assert.ok(given.lines.some((line) => /what streams\.ffmpeg names is not used/.test(line)));
    } finally {
      if (path !== undefined) process.env.PATH = path;
    }
    await writeFile(settings.path, "#!/bin/sh\n[ $# = 2 ] || exit 3\necho ffmpeg version 7.0\n");
    await chmod(settings.path, 0o755);
    await assert.rejects(given.dial("rtmp://127.0.0.1:1/a"), { code: "dial.ffmpeg" });
    await given.close();
  });

  test("that is none is passed over for the next, with a warning", async () => {
    const next = await broken("exit 4");
    for (const path of [await broken("", "bash version 5"), folder]) {
      const given = await openDialling({ ffmpeg: { path, environment: next } });
      await assert.rejects(given.dial("rtmp://127.0.0.1:1/a"), { code: "dial.ffmpeg", message: /ended with code 4$/ });
      assert.ok(given.lines.some((line) => /WARN.*streams\.ffmpeg names is not used as ffmpeg/.test(line)));
      await given.close();
    }
  });

  test("that complains is quoted without secrets", async () => {
    const path = await broken(
      `cat >/dev/null; printf '[rtmp @ 0x55] Cannot open rtmp://joe:geheim@up.example/a?token=geheim\\nrtmp://joe:geheim@up.example/a?token=geheim: no\\n' >&2; exit 1`,
    );
    const { code, message } = await failure(path, "rtmp://joe:geheim@up.example/a?token=geheim");
    assert.equal(code, "dial.ffmpeg");
    assert.match(message, /it ended with code 1: Cannot open rtmp:/);
    assert.doesNotMatch(message, /geheim|0x55/);
  });

  test("that writes complaints without end does not fill memory", async () => {
    const path = await broken("yes complaint | head -c 30000000 >&2; exit 1");
    const { message } = await failure(path, "rtmp://up.example/a");
    assert.match(message, /it ended with code 1: complaint$/);
  });

  test("that gives nothing, or garbage, is not taken for a stream", async () => {
    const silent = await failure(await broken("exit 0"), "rtmp://up.example/a");
    assert.match(silent.message, /ffmpeg failed: it ended without giving anything$/);
    const lying = await failure(await broken("yes garbage"), "rtmp://up.example/a");
    assert.equal(lying.code, "dial.content");
    await until(() => programsWith("pipe:1").length === 0, "it has ended");
  });

  test("that hangs and ignores being asked is killed, with whatever it started", async () => {
    const clock = createTestClock();
    const path = await broken(`trap "" TERM; sleep 987654 & wait; sleep 987654`);
    const outcome = failure(path, "rtmp://up.example/a", clock);
    await until(() => programsWith("pipe:1").length === 1, "it runs");
    const [program] = programsWith("pipe:1");
    await clock.advance(10_000);
    await until(async () => {
      await clock.advance(500);
      return programsWith("pipe:1").length === 0;
    }, "it was killed");
    assert.match((await outcome).message, /no data within 10s$/);
    assert.ok(program);
    await until(() => countGroup(program.pid) === 0, "nothing of its group is left");
    assert.equal(clock.sleeping, 0);
  });

  test("that leaves something behind with our pipe in its hands has ended all the same", async () => {
    const { message } = await failure(await broken("sleep 987654 & exit 5"), "rtmp://up.example/a");
    assert.match(message, /it ended with code 5$/);
  });
});

describe("a real ffmpeg", { skip: mediaMissing }, () => {
  test("whose upstream refuses says so", { timeout: 60_000 }, async () => {
    const given = await openDialling();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(given.dial(`rtmp://joe:geheim@127.0.0.1:${port}/live/x`), (error: Error) => {
      assert.match(error.message, /ffmpeg failed: it ended with code \d+: .*Connection.*refused/i);
      assert.doesNotMatch(error.message, /geheim/);
      return true;
    });
    await given.close();
  });

  test("whose upstream never answers is ended after ten seconds, or at once when nobody waits", {
    timeout: 60_000,
  }, async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => sockets.delete(socket))
        .resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const url = `rtmp://127.0.0.1:${typeof address === "object" ? address?.port : 0}/live/x`;
    const clock = createTestClock();
    const given = await openDialling({ clock });
    const late = assert.rejects(given.dial(url), { code: "dial.timeout" });
    await until(() => sockets.size === 1, "it is connected");
    await clock.advance(10_000);
    await late;
    const control = new AbortController();
    const why = new Error("nobody waits");
    const left = assert.rejects(given.dial(url, { signal: control.signal }), why);
    await until(() => programsWith("pipe:1").length === 1 && sockets.size === 1, "it is connected again");
    control.abort(why);
    await left;
    assert.deepEqual(programsWith("pipe:1"), [], "it was waited for");
    assert.equal(clock.sleeping, 0);
    await given.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test("that is killed by somebody says so to whoever reads", {
    timeout: 60_000,
    skip: process.platform !== "linux",
  }, async () => {
    const sound = await convertClip(await makeClip("h264", { seconds: 2 }), "kill.aac", ["-vn"]);
    const { readFile } = await import("node:fs/promises");
    const bytes = await readFile(sound);
    const web = await openWeb((_, response) => response.write(bytes));
    const given = await openDialling();
    const source = transport(await given.dial(`${web.base}/radio`));
    const [program] = programsWith("pipe:1");
    assert.ok(program);
    process.kill(program.pid, "SIGKILL");
    await assert.rejects(readBytes(source), { code: "dial.ffmpeg", message: /it was killed \(SIGKILL\)/ });
    await until(() => web.open === 0, "upstream is closed");
    await given.close();
    await web.close();
  });

  test("opened and left a hundred times leaves no process and no connection", { timeout: 120_000 }, async () => {
    const sound = await convertClip(await makeClip("h264", { seconds: 2 }), "often.aac", ["-vn"]);
    const { readFile } = await import("node:fs/promises");
    const bytes = await readFile(sound);
    const web = await openWeb((_, response) => response.write(bytes));
    const given = await openDialling();
    const once = async (index: number) => {
      const control = new AbortController();
      const opening = given.dial(`${web.base}/radio`, { signal: control.signal });
      if (index % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (index % 2 === 0) {
        control.abort(new Error("left early"));
        await opening.catch(() => {});
        return;
      }
      const iterator = transport(await opening).chunks[Symbol.asyncIterator]();
      if (index % 3 === 0) await iterator.next();
      await iterator.return?.();
    };
    for (let round = 0; round < 10; round++)
      await Promise.all([...Array(10).keys()].map((index) => once(round * 10 + index)));
    assert.deepEqual(programsWith("pipe:1"), []);
    await until(() => web.open === 0, "every connection is closed");
    await given.close();
    await web.close();
  });
});
