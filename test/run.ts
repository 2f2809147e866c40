// What `npm test` runs: the whole suite on Bun, its runtime part on Deno, and the smoke tests against the executable.
// The last line sums them: "N passed, N failed" or "N passed, N failed, N skipped". With arguments: `bun test <arguments>`.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const root = resolve(import.meta.dirname, "..");
const bun = process.execPath;
const deno = join(root, "node_modules", "deno", process.platform === "win32" ? "deno.exe" : "deno");
/** What depends on the runtime, or is fast because of how it is written for one. */
const runtimePart = ["runtime", "support", "core", "providers", "plugins"].map((name) => join("test", name));
/** Milliseconds after which a part is hung. */
const limit = 20 * 60_000;
/** The same of a test: a busy machine takes its time. */
const patience = "60000";

const sum: Tally = { passed: 0, failed: 0, skipped: 0 };
let running: ChildProcess | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    endGroup(running);
    process.exit(1);
  });

const words = process.argv.slice(2);
await part("Bun", [bun, "test", "--timeout", patience, ...words], readBun);
if (words.length === 0) {
  await part("Deno", [deno, "test", "-A", "--no-check", "--no-lock", ...runtimePart.filter(isThere)], readDeno, [
    deno,
    ...["run", "-A", "--no-check", "--no-lock", join(root, "core/main.ts")],
  ]);
  await executablePart();
}
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : "";
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exit(sum.failed > 0 ? 1 : 0);

/** Builds the executable alone into an empty folder, and tests it there. */
async function executablePart(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headend-executable-"));
  const outfile = join(folder, process.platform === "win32" ? "headend.exe" : "headend");
  try {
    const built = await run("build", [bun, "core/runtime/build.ts", "--outfile", outfile]);
    if (built.code === 0)
      await part("executable", [bun, "test", "--timeout", patience, "test/runtime"], readBun, [outfile]);
    else sum.failed++;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs one part and adds what it counted; `command` is how its smoke tests start Headend. */
async function part(
  name: string,
  words: string[],
  read: (output: string) => Tally | undefined,
  command?: string[],
): Promise<void> {
  const { code, output } = await run(name, words, command);
  const tally = read(output) ?? { passed: 0, failed: 0, skipped: 0 };
  sum.passed += tally.passed;
  sum.skipped += tally.skipped;
  // A part that ends badly without a failed test has failed all the same: it crashed, or hung.
  sum.failed += code === 0 ? tally.failed : Math.max(1, tally.failed);
}

function run(name: string, [file = "", ...args]: string[], command?: string[]) {
  console.log(`\n== ${name}: ${[file, ...args].join(" ")}`);
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    const env = { ...process.env, NO_COLOR: "1", ...(command && { HEADEND_COMMAND: JSON.stringify(command) }) };
    const child = spawn(file, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running = child;
    let output = "";
    const timer = setTimeout(() => {
      console.log(`== ${name} did not end within ${limit / 60_000} minutes and was killed`);
      endGroup(child);
    }, limit);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-100_000);
        process.stdout.write(text);
      });
    child.on("error", (error) => {
      console.log(`== ${name} could not be started: ${error.message}`);
      clearTimeout(timer);
      resolve({ code: 1, output });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

/** Ends a child and whatever it started. */
function endGroup(child: ChildProcess | undefined): void {
  if (!child?.pid || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}

/** Bun closes with lines such as " 6 pass"; those of skipped tests are there only when there are any. */
function readBun(output: string): Tally | undefined {
  const last = (word: string) => Number([...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  if (!/^Ran \d+ tests?/m.test(output)) return undefined;
  return { passed: last("pass"), failed: last("fail"), skipped: last("skip") + last("todo") };
}

/** Deno closes with "ok | 3 passed (6 steps) | 0 failed | 1 ignored (2 steps) (200ms)". */
function readDeno(output: string): Tally | undefined {
  const [, passed, failed, ignored] =
    [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/gm)].at(-1) ?? [];
  if (passed === undefined) return undefined;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(ignored ?? 0) };
}

function isThere(path: string): boolean {
  return existsSync(join(root, path));
}
