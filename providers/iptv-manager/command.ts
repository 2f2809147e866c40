// A program that brings one half of a source: it calls back at a port, or prints the document.
import { Buffer } from "node:buffer";
import { formatDuration, formatSize } from "../../core/formats/duration.ts";
import { type Clock, HeadendError } from "../../core/plugin.ts";
import { type Child, startChild } from "../../core/transport/child.ts";
import { type Callback, type Limits, openCallback, refused } from "./callback.ts";
import { fillCommand } from "./port.ts";

export interface CommandOptions {
  readonly what: string;
  /** Program and arguments; `$PORT` and `{port}` stand for the port. */
  readonly words: readonly string[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Milliseconds for a program to end by itself once it has delivered, or for its call to be noticed once it has ended. */
const farewell = 5000;
const grace = 500;

/**
 * Runs a program without a shell. A call counts before anything printed; what is printed is the document when the program has
 * ended well without calling. @throws HeadendError `fetch.*` with the last of what it wrote to standard error
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
    const printed = collect(child, callback, limits.maxBytes);
    if (await calls(o, callback, child, printed)) {
      yield* callback.chunks();
      well = true;
      return;
    }
    const { code, signal: killed, error } = await child.ended;
    if (code !== 0) {
      const reason = error?.message ?? `the program ended with ${killed ?? code}`;
      throw refused(what, [reason, lastLine(child.tail())].filter(Boolean).join(": "));
    }
    if (printed.bytes > limits.maxBytes)
      throw new HeadendError("fetch.size", { url: what, limit: formatSize(limits.maxBytes) });
    if (printed.bytes === 0)
      throw refused(what, say("the program ended without calling back or printing anything", child));
    for (let chunk = printed.chunks.shift(); chunk; chunk = printed.chunks.shift()) yield chunk;
  } finally {
    signal.removeEventListener("abort", end);
    callback.close();
    if (well) leave(child, clock, signal);
    else await child.stop();
  }
}

interface Printed {
  readonly chunks: Uint8Array[];
  bytes: number;
}

/** Keeps what is printed until somebody calls; then, and beyond the limit, it is thrown away. */
function collect(child: Child, callback: Callback, most: number): Printed {
  const printed: Printed = { chunks: [], bytes: 0 };
  let called = false;
  callback.called.then(() => {
    called = true;
    printed.chunks.length = 0;
  });
  child.output.on("data", (chunk: Uint8Array) => {
    printed.bytes += chunk.length;
    if (!called && printed.bytes <= most) printed.chunks.push(Buffer.from(chunk));
  });
  return printed;
}

/** True when it calls, false when it ends instead. @throws HeadendError when it does neither in time */
async function calls(o: CommandOptions, callback: Callback, child: Child, printed: Printed): Promise<boolean> {
  const { what, limits, clock, signal } = o;
  const called = callback.called.then(() => "called" as const);
  const ended = child.ended.then(() => "ended" as const);
  const started = clock.monotonic();
  for (;;) {
    const before = printed.bytes;
    const left = limits.total - (clock.monotonic() - started);
    const patience = Math.min(left, before > 0 ? limits.silence : limits.connect);
    const first = await race([called, ended], patience, clock, signal);
    if (first === "called") return true;
    if (first === "ended") return (await race([called], grace, clock, signal)) === "called";
    if (printed.bytes > before && clock.monotonic() - started < limits.total) continue;
    const limit = formatDuration(Math.round(clock.monotonic() - started));
    throw refused(what, say(`the program neither called back nor printed anything more within ${limit}`, child));
  }
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
function leave(child: Child, clock: Clock, signal: AbortSignal): void {
  race([child.ended], farewell, clock, signal)
    .catch(() => {})
    .then(() => child.stop());
}

function say(reason: string, child: Child): string {
  return [reason, lastLine(child.tail())].filter(Boolean).join(": ");
}

/** Of a Python traceback the last line says what it was. What may be secret in it is left out. */
function lastLine(text: string): string {
  const line = text.trim().split(/\r?\n/).at(-1)?.trim().slice(0, 300) ?? "";
  return line
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]+/gi, "$1…")
    .replace(/\b(\w*(?:password|passwd|token|secret|api_?key)\w*\s*[=:]\s*)\S+/gi, "$1…");
}
