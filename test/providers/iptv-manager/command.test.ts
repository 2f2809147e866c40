// Programs that bring a document: real ones, that call back, print, fail and hang.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { systemClock as clock } from "../../../core/clock.ts";
import { runCommand } from "../../../providers/iptv-manager/command.ts";
import { addon, two } from "./add-ons.ts";

const limits = { connect: 20_000, silence: 20_000, total: 30_000, maxBytes: 100_000 };
let folder = "";
let file = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-command-"));
  file = join(folder, "two.json");
  await writeFile(file, JSON.stringify(two));
});
after(() => rm(folder, { recursive: true, force: true }));

async function run(
  words: readonly string[],
  more: object = {},
  signal = new AbortController().signal,
): Promise<string> {
  const o = { what: "Two channels", words, clock, signal, limits: { ...limits, ...more } };
  return Buffer.concat(await Array.fromAsync(runCommand(o))).toString();
}

const python = (way: string, seconds = "0") => ["python3", addon, way, file, "{port}", seconds];
const inline = (code: string) => ["python3", "-c", code];

test("a program that connects first, works and sends", async () => {
  assert.deepEqual(JSON.parse(await run(python("reply", "0.2"))), two);
});

test("a program that prints its document instead of calling", async () => {
  assert.deepEqual(JSON.parse(await run(python("print"))), two);
});

test("what a program prints that calls back is not its document", async () => {
  const code =
    "import os,socket\nprint('{\"starting\": 1}',flush=True)\ns=socket.create_connection(('127.0.0.1',int(os.environ['PORT'])))\ns.sendall(b'called')";
  assert.equal(await run(inline(code)), "called");
});

test("the port is in the environment, and in a plugin:// address among the words", async () => {
  const code = "import os,sys\nprint(sys.argv[1] == 'plugin://x/iptv?a=b&port=' + os.environ['PORT'])";
  assert.match(await run([...inline(code), "plugin://x/iptv?a=b"]), /^True/);
});

test("words go to the program as they are, without a shell", async () => {
  assert.equal(await run([...inline("import sys\nprint(sys.argv[1],end='')"), "$(echo a) 'b';*"]), "$(echo a) 'b';*");
});

test("one that fails says why by its last words, without passwords", async () => {
  await assert.rejects(run(python("crash")), (error: Error) => {
    assert.match(
      error.message,
      /^Two channels: the program ended with 1: RuntimeError: no account for https:\/\/api\.example\/login\?password=\*\*\*$/,
    );
    return true;
  });
  await assert.rejects(run(python("fail")), /called back and sent nothing/);
  await assert.rejects(run(["no-such-program-here"]), /ended with 127: .*no-such-program-here/);
  await assert.rejects(run(inline("pass")), /ended without calling back or printing anything/);
});

test("one that does nothing is ended, with all that it started", async () => {
  const mark = join(folder, "alive");
  const child = `import time\ntime.sleep(3)\nopen(${JSON.stringify(mark)},'w')`;
  const code = `import subprocess,sys,time\nsubprocess.Popen([sys.executable,'-c',${JSON.stringify(child)}])\ntime.sleep(60)`;
  await assert.rejects(
    run(inline(code), { connect: 500 }),
    /neither called back nor printed anything more within 500ms/,
  );
  await clock.sleep(3500);
  await assert.rejects(rm(mark), "what it started lives on");
});

test("printing more than the size allowed is refused", async () => {
  await assert.rejects(run(inline("print('x'*200000)")), /larger than the limit of 100KB/);
});

test("what is printed is read no faster than it is taken, and counts only when the program ends well", async () => {
  const mark = join(folder, "printed");
  // Far more than all the pipes and buffers between hold.
  const code = (end: string) =>
    `import sys\nfor n in range(30): sys.stdout.write('x'*1000000)\nsys.stdout.flush()\nopen(${JSON.stringify(mark)},'w')\nsys.exit(${end})`;
  const o = { what: "Two guide", clock, signal: new AbortController().signal, limits: { ...limits, maxBytes: 1e9 } };
  const reading = runCommand({ ...o, words: inline(code("0")) });
  await reading.next();
  await clock.sleep(300);
  await assert.rejects(access(mark), "it printed all at once");
  let bytes = 0;
  for await (const chunk of reading) bytes += chunk.length;
  assert.ok(bytes > 29_000_000, String(bytes));
  await access(mark);
  await assert.rejects(run(inline(code("3")), { maxBytes: 1e9 }), /the program ended with 3/);
});

test("a program that has delivered and stays is waited for by whoever wants to know that it is gone", async () => {
  const stop = new AbortController();
  const left: Promise<void>[] = [];
  const pid = join(folder, "pid");
  const code = `import os,signal,socket,time\nsignal.signal(signal.SIGTERM,signal.SIG_IGN)\nopen(${JSON.stringify(pid)},'w').write(str(os.getpid()))\ns=socket.create_connection(('127.0.0.1',int(os.environ['PORT'])))\ns.sendall(b'called')\ns.close()\ntime.sleep(60)`;
  const o = { what: "Two channels", words: inline(code), clock, signal: stop.signal, limits };
  await Array.fromAsync(runCommand({ ...o, left: (gone) => void left.push(gone) }));
  stop.abort(new Error("the headend stops"));
  await Promise.all(left);
  assert.equal(left.length, 1);
  const id = Number(await readFile(pid, "utf8"));
  assert.throws(() => process.kill(id, 0), "it lives on");
});

test("a signal ends the program", async () => {
  const stop = new AbortController();
  const running = run(inline("import time\ntime.sleep(60)"), {}, stop.signal);
  await clock.sleep(200);
  stop.abort(new Error("the headend stops"));
  await assert.rejects(running, /the headend stops/);
});
