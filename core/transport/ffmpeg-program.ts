// Finds ffmpeg and what it can, once; and says in a sentence what it complained about.
import { HeadendError } from "../errors.ts";
import type { Clock, Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { describeUrl, redact } from "../redact.ts";
import { startChild } from "./child.ts";
import type { FfmpegSettings } from "./context.ts";

/** An ffmpeg that runs. */
export interface Ffmpeg {
  readonly path: string;
  /** As it calls itself: `7.0.2`, `n7.0-7-gd38bf5e08e`, `N-123456-gabcdef`. */
  readonly version: string;
  /** The number before the first dot; builds between releases have none and count as new. */
  readonly major: number;
}

/** What finding it takes. */
export interface Finding {
  readonly ffmpeg: FfmpegSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

const found = new WeakMap<FfmpegSettings, Promise<Ffmpeg | undefined>>();
/** Milliseconds in which a program must have said its version. */
const versionLimit = 10_000;

/** @throws HeadendError `dial.ffmpegless`, `dial.ffmpeg` when nothing can be started now; the next call looks again, so that an install is seen without a restart. */
export async function findFfmpeg(o: Finding, shown: string): Promise<Ffmpeg> {
  const { ffmpeg: settings } = o;
  let finding = found.get(settings);
  if (!finding) {
    finding = search(o);
    found.set(settings, finding);
  }
  let fault: unknown;
  const program = await finding.catch((thrown) => {
    fault = thrown;
  });
  if (program) return program;
  if (found.get(settings) === finding) found.delete(settings);
  if (fault !== undefined)
    throw new HeadendError("dial.ffmpeg", { url: shown, reason: `it could not be started: ${reasonOf(fault)}` });
  throw new HeadendError("dial.ffmpegless", { url: shown });
}

/** Forgets where it was: it could not be started any more. */
export function forgetFfmpeg(settings: FfmpegSettings): void {
  found.delete(settings);
}

async function search({ ffmpeg, clock, log }: Finding): Promise<Ffmpeg | undefined> {
  const candidates = [
    ["streams.ffmpeg", ffmpeg.path],
    ["FFMPEG_PATH", ffmpeg.environment],
    ["PATH", "ffmpeg"],
  ] as const;
  for (const [where, path] of candidates) {
    if (!path) continue;
    const answer = await ask(path, clock);
    if (typeof answer !== "string") {
      log.debug(`ffmpeg ${answer.version} will be used`, { path });
      return answer;
    }
    if (where !== "PATH") log.warn(`what ${where} names is not used as ffmpeg: ${answer}`, { path });
  }
  return undefined;
}

/** The program, or why it is none. @throws when this machine can start nothing now, which says nothing of the program */
async function ask(path: string, clock: Clock): Promise<Ffmpeg | string> {
  const child = startChild(path, ["-hide_banner", "-version"], 0, clock);
  let text = "";
  child.output.setEncoding("utf8").on("data", (part: string) => {
    if (text.length < 4_096) text += part;
  });
  const timer = new AbortController();
  const limit = clock.sleep(versionLimit, timer.signal).then(
    () => undefined,
    () => undefined,
  );
  const ending = await Promise.race([child.ended, limit]);
  timer.abort();
  await child.stop();
  if (!ending) return "it did not say its version in time";
  if (ending.error && /\bE(?:[MN]FILE|AGAIN|NOMEM)\b/.test(`${ending.error}`)) throw ending.error;
  if (ending.error) return reasonOf(ending.error);
  const version = /^ffmpeg version (\S+)/m.exec(text)?.[1];
  if (version === undefined) return "it does not say that it is ffmpeg";
  const major = /^n?(\d{1,3})\./.exec(version)?.[1];
  return { path, version, major: major === undefined ? Number.POSITIVE_INFINITY : Number(major) };
}

/** The last distinct lines of standard error, without its addresses' secrets and its own memory addresses. */
export function complaintOf(tail: string, url?: string): string {
  const plain = url === undefined ? tail : tail.replaceAll(url, describeUrl(url));
  const lines = plain
    .split(/[\r\n]+/)
    .map((line) =>
      line
        .replace(/^(?:\[[^\]]*\]\s*)+/, "")
        .replace(/\p{Cc}/gu, " ")
        .trim(),
    )
    .filter(
      (line) =>
        line !== "" &&
        !/^(?:Conversion failed|Exiting normally|Error opening input file|Last message repeated)/.test(line),
    );
  return redact([...new Set(lines)].slice(-3).join("; ")).slice(-400);
}
