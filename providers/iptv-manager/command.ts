// A program that brings one half of a source: it calls back at a port, or prints the document.
import { Buffer } from "node:buffer";
import { formatDuration, formatSize } from "../../core/formats/duration.ts";
import { type Clock, HeadendError } from "../../core/plugin.ts";
import { type Child, startChild } from "../../core/transport/child.ts";
import { type Callback, type Limits, notDone, openCallback, refused, within } from "./callback.ts";
import { fillCommand } from "./port.ts";

export interface CommandOptions {
  readonly what: string;
  /** Program and arguments; `$PORT` and `{port}` stand for the port. */
  readonly words: readonly string[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told when a program that has delivered is let go: it resolves when that has ended. */
  left?(gone: Promise<void>): void;
}

/** Milliseconds for a program to end by itself once it has delivered, or for its call to be noticed once it has ended. */
const farewell = 5000;
const grace = 500;
/** Bytes that a program may print before it calls; whoever prints more is printing the document. */
const preface = 4 << 20;

/**
 * Runs a program without a shell. A call counts before anything printed; what is printed is the document when the program
 * ends well without calling. @throws HeadendError `fetch.*` with the last of what it wrote to standard error
 */
export async function* runCommand(o: CommandOptions): AsyncGenerator<Uint8Array> {
  const { what, limits, clock, signal } = o;
  const callback = await openCallback({ what, limits, clock, signal });
  // The environment is handed on by the system's own `env`: this program does not read its own.
  const child = startChild("env", [`PORT=${callback.port}`, ...fillCommand(o.words, callback.port)], 0, clock);
  const end = () => void child.stop();
  signal.addEventListener("abort", end, { once: true });
  let well = false;
  try {
    const printed = collect(child, callback, Math.min(preface, limits.maxBytes));
    const started = clock.monotonic();
    const how = await delivery(o, callback, child, printed, started);
    if (how === "called") yield* callback.chunks();
    else {
      yield* printed.chunks.splice(0);
      if (how === "printing") yield* printing(o, child, printed.bytes, started);
      await expectWell(o, child);
      if (printed.bytes === 0)
        throw refused(what, say("the program ended without calling back or printing anything", child));
    }
    well = true;
  } finally {
    signal.removeEventListener("abort", end);
    callback.close();
    if (!well) await child.stop();
    else o.left?.(leave(child, clock, signal));
  }
}

interface Printed {
  readonly chunks: Uint8Array[];
  bytes: number;
  /** Resolves when it is more than whoever calls may print; the rest then waits to be read. */
  readonly much: Promise<void>;
}

/** Keeps what is printed until somebody calls; then it is thrown away. */
function collect(child: Child, callback: Callback, most: number): Printed {
  const { promise: much, resolve } = Promise.withResolvers<void>();
  const printed: Printed = { chunks: [], bytes: 0, much };
  let called = false;
  callback.called.then(() => {
    called = true;
    printed.chunks.length = 0;
    child.output.resume();
  });
  const take = (chunk: Uint8Array) => {
    printed.bytes += chunk.length;
    if (called) return;
    printed.chunks.push(Buffer.from(chunk));
    if (printed.bytes <= most) return;
    child.output.off("data", take).pause();
    resolve();
  };
  child.output.on("data", take);
  return printed;
}

/** How the document comes. @throws HeadendError when neither a call nor anything printed came in time */
async function delivery(
  o: CommandOptions,
  callback: Callback,
  child: Child,
  printed: Printed,
  started: number,
): Promise<"called" | "printing" | "ended"> {
  const { what, limits, clock, signal } = o;
  const works = [
    callback.called.then(() => "called" as const),
    printed.much.then(() => "printing" as const),
    child.ended.then(() => "ended" as const),
  ];
  for (;;) {
    const before = printed.bytes;
    const left = limits.total - (clock.monotonic() - started);
    const own = before > 0 ? limits.silence : limits.connect;
    const first = await race(works, Math.min(left, own), clock, signal);
    if (first === "ended") return (await race(works.slice(0, 1), grace, clock, signal)) ?? first;
    if (first) return first;
    if (left > own && printed.bytes > before) continue;
    const silent = `the program neither called back nor printed anything more within ${formatDuration(own)}`;
    throw refused(what, say(left > own ? silent : notDone(limits.total), child));
  }
}

/** The rest of what is printed, no faster than it is taken. @throws HeadendError when a limit is passed */
async function* printing(o: CommandOptions, child: Child, before: number, started: number): AsyncGenerator<Uint8Array> {
  const { what, limits, clock, signal } = o;
  const reader = child.output[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  for (let bytes = before; ; ) {
    if (bytes > limits.maxBytes)
      throw new HeadendError("fetch.size", { url: what, limit: formatSize(limits.maxBytes) });
    const left = limits.total - (clock.monotonic() - started);
    const late =
      left <= limits.silence
        ? refused(what, notDone(limits.total))
        : new HeadendError("fetch.stalled", { url: what, limit: formatDuration(limits.silence) });
    const { done, value } = await within(reader.next(), Math.min(left, limits.silence), late, clock, signal);
    if (done) return;
    bytes += value.length;
    yield value;
  }
}

/** @throws HeadendError when the program does not end, or not well */
async function expectWell({ what, limits, clock, signal }: CommandOptions, child: Child): Promise<void> {
  const late = refused(what, "the program has closed its output and does not end");
  const { code, signal: killed, error } = await within(child.ended, limits.silence, late, clock, signal);
  if (code !== 0) throw refused(what, say(error?.message ?? `the program ended with ${killed ?? code}`, child));
}

async function race<T>(works: Promise<T>[], ms: number, clock: Clock, signal: AbortSignal): Promise<T | undefined> {
  const enough = new AbortController();
  const late = clock.sleep(ms, AbortSignal.any([signal, enough.signal])).then(() => undefined);
  try {
    return await Promise.race([...works, late]);
  } finally {
    enough.abort();
    late.catch(() => {});
  }
}

/** It may have things to put away; what stays too long is ended. */
async function leave(child: Child, clock: Clock, signal: AbortSignal): Promise<void> {
  await race([child.ended], farewell, clock, signal).catch(() => {});
  await child.stop();
}

/** With the last line of its last words: of a Python traceback that says what it was. */
function say(reason: string, child: Child): string {
  const line = child.tail().trim().split(/\r?\n/).at(-1)?.trim().slice(0, 300);
  return line ? `${reason}: ${line}` : reason;
}
