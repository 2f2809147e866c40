// Writes lines for people or for machines: redacted, on one line each, floods counted instead of written.
import { HeadendError } from "./errors.ts";
import type { Clock, Logger } from "./plugin.ts";
import { redact } from "./redact.ts";

export type Level = "debug" | "info" | "warn" | "error";
export type LogFormat = "text" | "json";

/** The log of one part of the headend; `child()` gives another part its own. */
export interface Log extends Logger {
  child(label: string): Log;
  /** Changes level and format of this log and of all that come from the same `createLog()`. */
  configure(o: { readonly level: Level; readonly format: LogFormat }): void;
}

export interface LogOptions {
  readonly level: Level;
  readonly format: LogFormat;
  /** Default: standard error. */
  readonly write?: (line: string) => void;
  readonly clock: Clock;
}

interface Entry {
  readonly level: Level;
  readonly label: string;
  readonly sentence: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A sentence that was written lately, and what came of it since. */
interface Repeats {
  /** Lines that were let through. */
  written: number;
  /** Lines that were not. */
  held: number;
  /** Milliseconds until the held ones are reported. */
  pause: number;
  last: Entry;
  lastLine: string;
}

const ranks: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const longest = 4000;
const firstPause = 1000;
const longestPause = 60_000;
/** Lines of one sentence with different details that are written before the rest is only counted. */
const burst = 20;
const mostSentences = 1000;

/** The log of the whole headend. */
export function createLog(o: LogOptions): Log {
  const { clock } = o;
  const write = o.write ?? ((line) => console.error(line));
  let { level: least, format } = o;
  const recent = new Map<string, Repeats>();

  function print(entry: Entry): void {
    const shown = describeDetails(entry.details, least === "debug");
    const line = (format === "json" ? formatJson : formatText)(entry, shown, clock.now());
    try {
      write(line);
    } catch {
      // Nobody is left to tell.
    }
  }

  function log(entry: Entry): void {
    if (ranks[entry.level] < ranks[least]) return;
    const key = `${entry.level} ${entry.label} ${entry.sentence}`;
    const line = JSON.stringify(describeDetails(entry.details, false));
    const repeats = recent.get(key);
    if (!repeats) {
      if (recent.size < mostSentences) void watchRepeats(key, entry, line);
      print(entry);
      return;
    }
    const isFlood = repeats.written >= burst || repeats.pause > firstPause || line === repeats.lastLine;
    Object.assign(repeats, { last: entry, lastLine: line });
    if (isFlood) repeats.held++;
    else {
      repeats.written++;
      print(entry);
    }
  }

  /** Reports what was held, less and less often while it goes on; ends with the first pause that brings nothing. */
  async function watchRepeats(key: string, last: Entry, lastLine: string): Promise<void> {
    const repeats: Repeats = { written: 1, held: 0, pause: firstPause, last, lastLine };
    recent.set(key, repeats);
    await clock.sleep(repeats.pause);
    while (repeats.held > 0) {
      const times = repeats.held === 1 ? "once more" : `${repeats.held.toLocaleString("en")} more times`;
      print({ ...repeats.last, sentence: `${repeats.last.sentence} … ${times}` });
      repeats.held = 0;
      repeats.pause = Math.min(repeats.pause * 4, longestPause);
      await clock.sleep(repeats.pause);
    }
    recent.delete(key);
  }

  const make = (label: string): Log => {
    const at =
      (level: Level) =>
      (sentence: string, details: Readonly<Record<string, unknown>> = {}) =>
        log({ level, label, sentence, details });
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (name) => make(label ? `${label}/${name}` : name),
      configure(next) {
        least = next.level;
        format = next.format;
      },
    };
  };
  return make("");
}

type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown };

function formatJson(
  { level, label, sentence }: Entry,
  details: { readonly [key: string]: Shown },
  now: number,
): string {
  const some = Object.keys(details).length > 0;
  const line = {
    time: timeOf(now).toISOString(),
    level,
    ...(label ? { instance: label } : {}),
    sentence: clean(sentence),
  };
  return escapeControls(
    JSON.stringify({ ...line, ...(some ? { details } : {}) }),
    (code) => `\\u${code.toString(16).padStart(4, "0")}`,
  );
}

function formatText(
  { level, label, sentence }: Entry,
  details: { readonly [key: string]: Shown },
  now: number,
): string {
  const date = timeOf(now);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const pairs = Object.entries(details).map(([key, value]) => ` ${key}=${quote(value)}`);
  const text = `${day} ${time} ${level.toUpperCase().padEnd(5)} ${label ? `${label}: ` : ""}${clean(sentence)}${pairs.join("")}`;
  return escapeControls(text, (code) => ({ 9: "\\t", 10: "\\n", 13: "\\r" })[code] ?? `\\u{${code.toString(16)}}`);
}

function timeOf(now: number): Date {
  const date = new Date(now);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
}

function quote(value: Shown): string {
  if (isError(value)) return quote(tellError(value));
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

type ShownError = { readonly code: string; readonly sentence: string; readonly cause?: Shown; readonly stack?: string };

function isError(value: Shown): value is ShownError {
  return typeof value === "object" && value !== null && "code" in value && "sentence" in value;
}

function tellError({ code, sentence, cause, stack }: ShownError): string {
  const why = cause === undefined ? "" : ` (because of ${isError(cause) ? tellError(cause) : quote(cause)})`;
  return `${code}: ${sentence}${why}${stack === undefined ? "" : `\n${stack}`}`;
}

/** Control characters and those that turn the direction of writing: they could fake a line or hide one. */
function escapeControls(text: string, write: (code: number) => string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu, (c) => write(c.codePointAt(0) ?? 0));
}

function clean(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return redact(short).toWellFormed();
}

const secretKey = /pass|secret|token|cookie|authori[sz]ation|credential|api-?key/i;

function describeDetails(
  details: Readonly<Record<string, unknown>>,
  stacks: boolean,
): { readonly [key: string]: Shown } {
  const shown: [string, Shown][] = [];
  try {
    for (const [key, value] of Object.entries(details)) {
      if (value !== undefined) shown.push([key, secretKey.test(key) ? "***" : show(value, stacks, 0)]);
    }
  } catch {
    shown.push(["details", "unreadable"]);
  }
  return Object.fromEntries(shown);
}

function show(value: unknown, stacks: boolean, depth: number): Shown {
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return value as Shown;
  if (value instanceof Error) return showError(value, stacks, depth);
  if (typeof value !== "object") return clean(String(value));
  if (value instanceof URL) return clean(value.href);
  if (value instanceof Date) return timeOf(value.getTime()).toISOString();
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth >= 4) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, 20).map((item) => show(item, stacks, depth + 1));
    return value.length > 20 ? [...items, `… ${value.length - 20} more`] : items;
  }
  const entries = Object.entries(value).slice(0, 50);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, secretKey.test(key) ? "***" : show(item, stacks, depth + 1)]),
  );
}

/** Code and sentence, the causes behind it, and where it was thrown when somebody is looking for that. */
function showError(error: Error, stacks: boolean, depth: number): Shown {
  const code = error instanceof HeadendError || "code" in error ? String(error.code) : error.name;
  const cause = error.cause !== undefined && depth < 4 ? show(error.cause, stacks, depth + 1) : undefined;
  return {
    code: clean(code),
    sentence: clean(error.message),
    ...(cause === undefined ? {} : { cause }),
    ...(stacks && error.stack ? { stack: clean(error.stack) } : {}),
  };
}
