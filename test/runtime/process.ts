// Starts Headend as its user does, as a process of whatever HEADEND_COMMAND says, and always ends it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** A JSON array of words; by default the source under the Bun that runs the tests. */
export const command: readonly string[] = JSON.parse(
  process.env.HEADEND_COMMAND ??
    JSON.stringify([process.versions.bun ? process.execPath : "bun", join(import.meta.dirname, "../../core/main.ts")]),
);
/** Milliseconds until something that does not happen has failed. */
const patience = 20_000;

export interface End {
  readonly code: number | null;
  readonly signal: string | null;
  /** Everything written, to either stream. */
  readonly output: string;
}

export interface Running {
  /** `http://127.0.0.1:<port>` */
  readonly base: string;
  readonly pid: number;
  readonly output: () => string;
  /** Sends a signal and waits for the end. */
  end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<End>;
}

/** An empty folder that `work` may use; afterwards it is gone. */
export async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "headend-runtime-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a command to its end. */
export async function runHeadend(args: readonly string[], cwd: string): Promise<End> {
  const { ended, child } = launch(args, cwd);
  return withinPatience(ended, child, () => `headend ${args.join(" ")} did not end`);
}

/** Serves on a free port of loopback from an empty current folder, while `work` runs. */
export async function serving<Result>(
  data: string,
  work: (headend: Running) => Promise<Result>,
  args: readonly string[] = [],
): Promise<Result> {
  const words = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--log-format", "json", ...args];
  const { child, ended, output } = launch(words, data);
  const listening = async () => {
    for (;;) {
      const base = /listening on (http:\/\/[^\s"]+)/.exec(output())?.[1];
      if (base) return base;
      const end = await Promise.race([ended, sleep(10)]);
      if (end) throw new Error(`headend ended before it listened:\n${end.output}`);
    }
  };
  try {
    const base = await withinPatience(listening(), child, () => `headend does not listen:\n${output()}`);
    return await work({
      base,
      pid: child.pid ?? 0,
      output,
      end(signal) {
        // After child.kill() Deno reports the signal as the end, whatever the child made of it.
        if (child.pid) process.kill(child.pid, signal);
        return withinPatience(ended, child, () => `headend did not end by ${signal}:\n${output()}`);
      },
    });
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

/** Asks until the answer has the status, as a load balancer does. */
export async function fetchUntil(status: number, url: string): Promise<Response> {
  const last = Date.now() + patience;
  for (;;) {
    const answer = await fetch(url);
    if (answer.status === status) return answer;
    const text = await answer.text();
    if (Date.now() > last) throw new Error(`${url} still answers ${answer.status}: ${text}`);
    await sleep(20);
  }
}

/** Starts it and leaves its end to the caller. */
export function launch(args: readonly string[], cwd: string) {
  const [file = "", ...before] = command;
  // Only what every process has: the environment can be a config of its own.
  const { PATH, HOME, TMPDIR, DENO_DIR } = process.env;
  const env = Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR, DENO_DIR, NO_COLOR: "1" }).filter(([, v]) => v));
  const child = spawn(file, [...before, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let written = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  const ended = new Promise<End>((resolve) => {
    child.on("error", (error) => resolve({ code: null, signal: null, output: error.message }));
    child.on("close", (code, signal) => resolve({ code, signal, output: written }));
  });
  return { child, ended, output: () => written };
}

async function withinPatience<Result>(
  work: Promise<Result>,
  child: ChildProcess,
  sentence: () => string,
): Promise<Result> {
  const controller = new AbortController();
  const late = sleep(patience, undefined, { signal: controller.signal }).then(() => {
    child.kill("SIGKILL");
    throw new Error(sentence());
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    controller.abort();
  }
}
