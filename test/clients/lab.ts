// Two network namespaces on one virtual cable, a headend in one and clients in the other: broadcast and multicast work as
// in a home, nothing outside is touched, and nothing is left behind. Needs Linux, `ip`, `unshare`, `nsenter`.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../support/source.ts";

/** What a program came to. */
export interface Outcome {
  readonly code: number | null;
  /** Everything written, to either stream. */
  readonly output: string;
}

export interface Lab {
  /** What the headend has written. */
  readonly output: () => string;
  /** Runs a client to its end, or for so many milliseconds. */
  client(words: readonly string[], limit?: number): Promise<Outcome>;
  /** Runs `ip` where the headend is. */
  ip(line: string): void;
  /** Ends the headend as its user does. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Where the headend is, and where its clients are. */
export const [serverAddress, clientAddress] = ["10.77.0.1", "10.77.0.2"] as const;
/** The client's network interface. */
export const clientInterface = "hc0";
const patience = 20_000;

/** False, or why there can be no lab with these programs. */
export function labMissing(...programs: readonly string[]): false | string {
  const gone = ["ip", "unshare", "nsenter", ...programs].filter((name) => spawnSync("which", [name]).status !== 0);
  if (gone.length > 0) return `needs ${gone.join(", ")}`;
  const able = spawnSync("unshare", ["-rn", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
  return able.status === 0 ? false : "needs the right to make network namespaces (root, or unshare -rn)";
}

/** Serves a config on all addresses of its namespace; resolves when `ready` is in its log. */
export async function openLab(config: string, ready: RegExp): Promise<Lab> {
  const holders: ChildProcess[] = [];
  const hold = (words: readonly string[]) => {
    const child = spawn(words[0] ?? "", words.slice(1), { stdio: "ignore" });
    holders.push(child);
    return String(child.pid);
  };
  const server = hold(["unshare", "-rn", "sleep", "infinity"]);
  await awaiting(
    () => spawnSync("nsenter", enter(server, ["ip", "link", "set", "lo", "up"])).status === 0 && isApart(server),
  );
  // A child of the first user namespace, so that the cable may be laid between them.
  const client = hold(["nsenter", "-t", server, "-U", "--preserve-credentials", "unshare", "-n", "sleep", "infinity"]);
  await awaiting(() => isApart(client));
  const at = (pid: string) => (line: string) => {
    const { status, stderr } = spawnSync("nsenter", enter(pid, ["ip", ...line.split(" ")]), { encoding: "utf8" });
    assert.equal(status, 0, `ip ${line}: ${stderr}`);
  };
  const [here, there] = [at(server), at(client)];
  here(`link add hs0 type veth peer name ${clientInterface}`);
  here(`link set ${clientInterface} netns ${client}`);
  there("link set lo up");
  for (const [on, name, address] of [
    [here, "hs0", serverAddress],
    [there, clientInterface, clientAddress],
  ] as const) {
    on(`address add ${address}/24 brd + dev ${name}`);
    on(`link set ${name} up`);
    // For searches that name no interface.
    on(`route add default dev ${name}`);
  }

  const folder = await mkdtemp(join(tmpdir(), "headend-lab-"));
  await writeFile(join(folder, "headend.yaml"), config);
  const command = JSON.parse(
    process.env.HEADEND_COMMAND ?? JSON.stringify([process.execPath, join(root, "core/main.ts")]),
  ) as string[];
  const words = [...command, "serve", "--data", folder, "--config", join(folder, "headend.yaml")];
  const headend = run(enter(server, words));
  const stop = async () => {
    headend.child.kill("SIGTERM");
    await Promise.race([headend.ended, sleep(patience, undefined, { ref: false })]);
    assert.notEqual(headend.child.exitCode, null, "the headend does not stop");
  };
  const close = async () => {
    headend.child.kill("SIGKILL");
    await headend.ended;
    for (const child of holders.reverse()) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await awaiting(() => {
      assert.equal(headend.child.exitCode, null, headend.output());
      return ready.test(headend.output());
    });
  } catch (thrown) {
    await close();
    throw new Error(headend.output(), { cause: thrown });
  }
  return {
    output: headend.output,
    async client(words, limit = patience) {
      const { child, ended, output } = run(enter(client, words));
      const timer = setTimeout(() => child.kill("SIGKILL"), limit);
      await ended.finally(() => clearTimeout(timer));
      return { code: child.exitCode, output: output() };
    },
    ip: here,
    stop,
    close,
  };
}

/** How a command is run in the namespaces of a process. */
function enter(pid: string, words: readonly string[]): string[] {
  return ["-t", pid, "-U", "-n", "--preserve-credentials", ...words];
}

function isApart(pid: string): boolean {
  const read = (of: string) => spawnSync("readlink", [`/proc/${of}/ns/net`], { encoding: "utf8" }).stdout;
  return read(pid) !== "" && read(pid) !== read("self");
}

function run(words: readonly string[]) {
  const child = spawn("nsenter", words, { stdio: ["ignore", "pipe", "pipe"] });
  let written = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  const ended = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("close", () => resolve());
  });
  return { child, ended, output: () => written };
}

async function awaiting(holds: () => boolean): Promise<void> {
  for (const last = performance.now() + patience; !holds(); await sleep(20))
    if (performance.now() > last) throw new Error("the lab does not get ready");
}
