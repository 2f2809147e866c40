// The launcher: installs once, repairs what was killed, and hands over arguments, signals and the end.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const bun = process.versions.bun ? process.execPath : undefined;
const skip = bun === undefined ? "it is for Node and Bun" : false;
const nodeThere = spawnSync("node", ["--version"]).status === 0;

const entry = `
const [what = "", ...rest] = process.argv.slice(2);
if (what === "exit") process.exit(Number(rest[0]));
if (what === "kill") process.kill(process.pid, "SIGKILL");
if (what === "wait") {
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => {
    console.log("got", signal);
    if (signal === "SIGTERM") process.exit(5);
  });
  setInterval(() => {}, 1000);
}
console.log("ran", JSON.stringify(process.argv.slice(2)));
`;

interface Clone {
  readonly folder: string;
  readonly inModules: (name: string) => string;
  readonly environment: Record<string, string>;
  /** Starts the launcher by Bun, or by Node as `bun run` does. */
  start(args: readonly string[], by?: "bun" | "node"): SpawnSyncReturns<string>;
}

const manifest = { name: "clone", engines: { bun: ">=1.0.0" }, dependencies: { local: "file:./local" } };

/** A clone that depends only on a folder of its own, so that installing needs no network. */
async function withClone(work: (clone: Clone) => Promise<void> | void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headend-clone-"));
  try {
    await mkdir(join(folder, "core/runtime"), { recursive: true });
    await cp(join(import.meta.dirname, "../../../core/runtime/launch.mjs"), join(folder, "core/runtime/launch.mjs"));
    await writeFile(join(folder, "core/main.ts"), entry);
    await mkdir(join(folder, "local"));
    await writeFile(join(folder, "local/package.json"), JSON.stringify({ name: "local", version: "1.0.0" }));
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    spawnSync(bun ?? "", ["install", "--lockfile-only"], { cwd: folder });
    const { PATH = "" } = process.env;
    const environment = { PATH, HOME: folder, npm_config_user_agent: "bun/99.0.0", npm_execpath: bun ?? "" };
    await work({
      folder,
      inModules: (name) => join(folder, "node_modules", name),
      environment,
      start: (args, by = "bun") =>
        spawnSync(by === "node" ? "node" : (bun ?? ""), [join(folder, "core/runtime/launch.mjs"), ...args], {
          encoding: "utf8",
          env: environment,
          input: "",
        }),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("launch.mjs installs once, runs the entry with its arguments, and keeps standard output clean", { skip }, () =>
  withClone(({ start }) => {
    const first = start(["core/main.ts", "--listen", "0.0.0.0:9000", "two words"]);
    assert.match(first.stderr, /installing/);
    assert.equal(first.stdout, 'ran ["--listen","0.0.0.0:9000","two words"]\n');
    assert.equal(first.status, 0);
    const second = start(["core/main.ts"]);
    assert.equal(second.stderr, "");
    assert.equal(second.stdout, "ran []\n");
  }),
);

test("launch.mjs runs by Node as it does by Bun", { skip: skip || (nodeThere ? false : "no Node here") }, () =>
  withClone(({ start }) => {
    const { stdout, status } = start(["core/main.ts", "a"], "node");
    assert.equal(stdout, 'ran ["a"]\n');
    assert.equal(status, 0);
  }),
);

test("launch.mjs installs again for development, after a new bun.lock, and not for less", { skip }, () =>
  withClone(async ({ start, folder }) => {
    const installs = (...args: string[]) => /installing/.test(start([...args, "core/main.ts"]).stderr);
    assert.equal(installs(), true);
    assert.equal(installs("--dev"), true);
    assert.equal(installs(), false);
    const lock = join(folder, "bun.lock");
    await writeFile(lock, `${await readFile(lock, "utf8")}\n`);
    assert.equal(installs("--dev"), true);
    assert.equal(installs("--dev"), false);
  }),
);

test("launch.mjs begins anew when an install was cut off", { skip }, () =>
  withClone(async ({ start, inModules }) => {
    start(["core/main.ts"]);
    await rm(inModules(".headend-installed"));
    await writeFile(inModules("half"), "written by the install that was cut off");
    // A process id that cannot be one, and a marker whose owner died before it wrote its id.
    for (const owner of ["2147483647", ""]) {
      await writeFile(inModules(".headend-installing"), owner);
      await rm(inModules(".headend-installed"), { force: true });
      assert.equal(start(["core/main.ts"]).status, 0);
      assert.equal(existsSync(inModules("half")), false);
      assert.equal(existsSync(inModules(".headend-installing")), false);
    }
  }),
);

test("launch.mjs says what to do when an install fails, and tries again next time", { skip }, () =>
  withClone(async ({ start, folder }) => {
    const lacking = { ...manifest, dependencies: { "not-in-the-lock": "1.0.0" } };
    await writeFile(join(folder, "package.json"), JSON.stringify(lacking));
    const { status, stderr, stdout } = start(["core/main.ts"]);
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /headend: the install failed, see above; check the network/);
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    assert.equal(start(["core/main.ts"]).stdout, "ran []\n");
  }),
);

test("launch.mjs refuses a Bun that is too old, and says which one is needed", { skip }, () =>
  withClone(async ({ start, folder }) => {
    await writeFile(join(folder, "package.json"), JSON.stringify({ ...manifest, engines: { bun: ">=999.1.0" } }));
    const { status, stderr } = start(["core/main.ts"]);
    assert.equal(status, 1);
    assert.match(stderr, /needs 999\.1\.0 or newer: run "bun upgrade"/);
  }),
);

test("launch.mjs ends as its entry ends", { skip }, () =>
  withClone(({ start }) => {
    assert.equal(start(["core/main.ts", "exit", "3"]).status, 3);
    assert.equal(start(["core/main.ts", "kill"]).signal, "SIGKILL");
  }),
);

test("launch.mjs passes signals on and waits for the end", { skip }, () =>
  withClone(async ({ folder, environment, start }) => {
    start(["core/main.ts"]);
    const words = [join(folder, "core/runtime/launch.mjs"), "core/main.ts", "wait"];
    const child = spawn(bun ?? "", words, { env: environment, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    const end = await new Promise((resolve) => {
      child.on("close", (code, signal) => resolve({ code, signal }));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (/^ran/.test(text)) child.kill("SIGHUP");
        if (/SIGHUP/.test(text)) child.kill("SIGTERM");
      });
    });
    assert.deepEqual(end, { code: 5, signal: null });
    assert.match(output, /got SIGHUP\ngot SIGTERM/);
  }),
);
