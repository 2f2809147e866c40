// A program of the system's that gives bytes: its own process group, its last words, and an end that is certain.
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { Readable, type Writable } from "node:stream";
import type { Clock } from "../plugin.ts";
import { redact } from "../redact.ts";

/** A program that was started. */
export interface Child {
  /** What it prints; stops being read, and so stops the program, while nobody takes it. */
  readonly output: Readable;
  /** Where its inputs go in: file descriptor 0, then 3 and on. */
  readonly inputs: readonly Writable[];
  /** Resolves when it has ended and all it printed was read or thrown away. Never rejects. */
  readonly ended: Promise<Ending>;
  /** The last of what it wrote to standard error, without secrets. */
  tail(): string;
  /** Ends it and everything it started: politely, then not. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started at all. */
  readonly error?: Error;
}

/** Milliseconds from the polite request to the kill, and from that to giving up. */
const patience = 2_000;
const tailLength = 4_096;
const exhausted = "EMFILE: this process has no file descriptors left";

/** Starts a program without a shell. `inputs` is how many pipes it reads from. */
export function startChild(command: string, args: readonly string[], inputs: number, clock: Clock): Child {
  const child = spawned(command, args, inputs);
  if (child instanceof Error) return unborn(child);
  const [stdin, output, errors, ...more] = child.stdio as [Writable | null, Readable, Readable, ...Writable[]];
  const pipes = [...(stdin ? [stdin] : []), ...more];
  // A program that has read enough closes its end; how it ended says the rest.
  for (const pipe of [...pipes, output, errors]) pipe.on("error", () => {});

  let tail = "";
  errors.setEncoding("utf8").on("data", (text: string) => {
    tail += text;
    // Whole lines only: half an address may no longer look like one that has a secret.
    if (tail.length > tailLength) tail = tail.slice(-tailLength).replace(/^[^\r\n]*/, "");
  });
  const killGroup = (signal: "SIGTERM" | "SIGKILL") => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // All of it is gone.
    }
  };

  let gone = false;
  const ended = new Promise<Ending>((resolve) => {
    const end = (ending: Ending) => {
      gone = true;
      resolve(ending);
    };
    // Without a process nothing will ever close.
    child.on("error", (error) => child.pid === undefined && end({ code: null, signal: null, error }));
    // A script around a program may leave that behind, with our pipes in its hands.
    child.on("exit", () => killGroup("SIGKILL"));
    child.on("close", (code, signal) => end({ code, signal }));
  });
  const endsWithin = async (ms: number) => {
    const enough = new AbortController();
    await Promise.race([ended, clock.sleep(ms, enough.signal).catch(() => {})]);
    enough.abort();
    return gone;
  };

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    if (gone) return;
    killGroup("SIGTERM");
    // Unread output would keep the pipes, and with them the end, open for ever.
    for (const pipe of [...pipes, output]) pipe.destroy();
    if (await endsWithin(patience)) return;
    killGroup("SIGKILL");
    errors.destroy();
    await endsWithin(patience);
  };

  return {
    output,
    inputs: pipes,
    ended,
    tail: () => redact(tail),
    stop: () => (stopping ??= stop()),
  };
}

/** The process, or why there is none where not even its pipes could be made. */
function spawned(command: string, args: readonly string[], inputs: number): ChildProcess | Error {
  try {
    const child: ChildProcess = spawn(command, args, {
      // A group of its own, so that whatever it starts ends with it, and our terminal's Ctrl-C is not its own.
      detached: true,
      stdio: [inputs > 0 ? "pipe" : "ignore", "pipe", "pipe", ...Array<"pipe">(Math.max(0, inputs - 1)).fill("pipe")],
    });
    child.on("error", () => {});
    // Out of descriptors, the runtime gives a child without any.
    return child.stdio?.[1] ? child : new Error(exhausted);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What never began has ended. */
function unborn(error: Error): Child {
  const ended = Promise.resolve({ code: null, signal: null, error });
  return { output: Readable.from([]), inputs: [], ended, tail: () => "", stop: async () => {} };
}

/** Writes chunks into a pipe at the speed of its reader; resolves when all is written, or the pipe has closed. */
export async function feed(pipe: Writable, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (pipe.destroyed || pipe.writableEnded) return;
      if (!pipe.write(chunk)) await room(pipe);
    }
  } finally {
    if (!pipe.destroyed) pipe.end();
  }
}

function room(pipe: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      for (const event of ["drain", "close", "error"]) pipe.off(event, end);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) pipe.on(event, end);
    if (pipe.destroyed) end();
  });
}
