// Starts our TypeScript under Bun from a bare clone, by Node or Bun alone: installs what bun.lock pins, then hands over.
//
//   node core/runtime/launch.mjs [--dev] <entry.ts> [arguments of the entry]
//
// Plain JavaScript for Node 20 and Bun, because it runs before anything else is there. Without --dev it installs only
// what running needs.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const modules = join(root, "node_modules");
const installedBun = join(modules, "bun", "bin", "bun.exe"); // called so on every system
const stamp = join(modules, ".headend-installed"); // "<mode> <hash of bun.lock>" of the last whole install
const marker = join(modules, ".headend-installing"); // the id of the process whose install is under way, or was cut off

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const lockHash = createHash("sha256")
  .update(readFileSync(join(root, "bun.lock")))
  .digest("hex");

const words = process.argv.slice(2);
const mode = words[0] === "--dev" ? "dev" : "run";
const [entry, ...rest] = mode === "dev" ? words.slice(1) : words;

// Bun would fetch what a dropped plugin lacks from the registry while it runs.
endAs(await follow(spawn(await readyBun(), ["--no-install", resolve(root, entry), ...rest], { stdio: "inherit" })));

/** A Bun to run with, after everything is installed. */
async function readyBun() {
  const outer = outerBun();
  for (let waiting = false; !installed(outer); ) {
    const owner = Number(readIfThere(marker));
    if (!alive(owner)) {
      await install(outer, existsSync(marker));
      continue;
    }
    if (!waiting) say(`process ${owner} is installing; waiting for it`);
    waiting = true;
    await sleep(200);
  }
  return existsSync(installedBun) ? installedBun : outer;
}

/** The Bun we were started by, if it is new enough: this process, or the one whose `bun run` started Node. */
function outerBun() {
  const agent = /^bun\/(\d[\d.]*)/.exec(process.env.npm_config_user_agent ?? "");
  const version = process.versions.bun ?? agent?.[1];
  if (version === undefined) return undefined;
  const needed = manifest.engines.bun.replace(/^\D+/, "");
  if (version.localeCompare(needed, "en", { numeric: true }) < 0)
    fail(`this is Bun ${version} and Headend needs ${needed} or newer: run "bun upgrade", then the same command again`);
  return process.versions.bun ? process.execPath : process.env.npm_execpath;
}

function installed(outer) {
  const [what, hash] = readIfThere(stamp).split(" ");
  if (hash !== lockHash || (mode === "dev" && what !== "dev")) return false;
  return outer !== undefined || existsSync(installedBun);
}

async function install(outer, interrupted) {
  // An install that was cut off leaves folders that look whole to the next one.
  if (interrupted) rmSync(modules, { recursive: true, force: true });
  mkdirSync(modules, { recursive: true });
  rmSync(stamp, { force: true });
  try {
    writeFileSync(marker, String(process.pid), { flag: interrupted ? "w" : "wx" });
  } catch (error) {
    if (error.code === "EEXIST") return; // another process was faster; wait for it
    throw error;
  }
  say("installing what bun.lock pins; this happens once");
  const [command, ...before] = outer ? [outer] : bootstrap();
  // To run, whoever has Bun needs no second one; an older one left there would be taken for the pinned one.
  const withoutBun = mode === "run" && outer !== undefined;
  if (withoutBun) rmSync(join(modules, "bun"), { recursive: true, force: true });
  const only = mode === "dev" ? [] : ["--production", ...(withoutBun ? ["--omit=optional"] : [])];
  const end = await follow(
    spawn(command, [...before, "install", "--frozen-lockfile", ...only], {
      cwd: root,
      // Standard output is the entry's own; what the installer says goes beside it.
      stdio: ["ignore", 2, 2],
      shell: command === "npx" && process.platform === "win32",
    }),
  );
  if (end.signal) endAs(end);
  if (end.code !== 0)
    fail("the install failed, see above; check the network, HTTPS_PROXY and the registry of .npmrc, and run it again");
  if (!outer) repairBun();
  writeFileSync(stamp, `${mode} ${lockHash}`);
  rmSync(marker, { force: true });
}

/** Bun by npm, when only Node is there. */
function bootstrap() {
  if (runs(installedBun)) return [installedBun];
  // npx would take a broken Bun from here before it fetched a whole one.
  rmSync(join(modules, "bun"), { recursive: true, force: true });
  rmSync(join(modules, ".bin"), { recursive: true, force: true });
  const package_ = `bun@${manifest.optionalDependencies.bun}`;
  const npm = process.env.npm_execpath;
  if (npm?.endsWith("npm-cli.js")) return [process.execPath, npm, "exec", "--yes", "--", package_];
  return ["npx", "--yes", package_];
}

/** Where install scripts are forbidden, the package is a stub until its own script has run. */
function repairBun() {
  if (runs(installedBun)) return;
  spawnSync(process.execPath, ["install.js"], { cwd: join(modules, "bun"), stdio: ["ignore", 2, 2] });
  if (!runs(installedBun)) fail(`the installed Bun does not run on this system (${process.platform} ${process.arch})`);
}

function runs(command) {
  return existsSync(command) && spawnSync(command, ["--version"]).status === 0;
}

/** Waits for a child's end, passing on the signals that reach us until then. */
function follow(child) {
  const forward = (signal) => {
    // A terminal sends Ctrl-C to the child as well; a second one would mean "at once" to it.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  // npm signals only the shell between us, which dies without telling.
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid === parent || child.kill("SIGTERM"), 500);
  if (!process.env.npm_lifecycle_event) clearInterval(watch);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      const hint = child.spawnfile === "npx" ? "; Headend needs npm or Bun to install" : "";
      fail(`${child.spawnfile} could not be started: ${error.message}${hint}`);
    });
    child.on("exit", (code, signal) => {
      clearInterval(watch);
      for (const each of signals) process.off(each, forward);
      resolve({ code, signal });
    });
  });
}

/** Ends this process the way the child ended. */
function endAs({ code, signal }) {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code);
}

function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function alive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function say(sentence) {
  process.stderr.write(`headend: ${sentence}\n`);
}

function fail(sentence) {
  say(sentence);
  process.exit(1);
}
