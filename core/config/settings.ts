// The core's settings as the rest of the core uses them: durations in milliseconds, addresses taken apart.
import { parseDuration, parseSize } from "../formats/duration.ts";
import type { NumberRange } from "../lineup/numbers.ts";
import type { Rules } from "../lineup/rules.ts";
import type { AccessConfig } from "../server/access.ts";
import type { Match } from "../types.ts";
import { type ListenAddress, parseListen, parseNumberRange } from "./address.ts";
import type { ConfigFile } from "./schema.ts";

export interface Settings {
  readonly listen: ListenAddress;
  /** Without a slash at its end. */
  readonly publicUrl?: string;
  readonly trustedProxies: readonly string[];
  /** Absolute path of the folder for everything that is kept. */
  readonly data: string;
  readonly lineup: {
    readonly rules: Rules;
    readonly duplicates: "keep" | "alternates";
    readonly shrinkGuard: number;
    readonly ranges: Readonly<Record<string, NumberRange>>;
  };
  readonly guide: GuideSettings;
  readonly streams: StreamsSettings;
  readonly access: AccessConfig;
  readonly log: LogSettings;
}

export interface StreamsSettings {
  /** The ffmpeg to use. */
  readonly ffmpeg?: string;
  /** Milliseconds for which a test card is shown while no upstream works. */
  readonly slate: number;
  /** IANA name of the zone in which clock times of catch-up addresses are; absent: this machine's. */
  readonly timeZone?: string;
  /** Bytes on disk for the timeshift of all channels together. */
  readonly timeshiftSize: number;
}

export interface GuideSettings {
  readonly match: Match;
  /** Milliseconds of the future to keep; absent: all. */
  readonly days?: number;
  /** Milliseconds of the past to keep; absent: all. */
  readonly history?: number;
  /** True: past programmes outlive the sources that had them. False (`history: off`): only what sources still have. */
  readonly keepPast: boolean;
  readonly repair: readonly ("stops" | "overlaps")[];
  /** gzip level; absent: the guide's own choice. */
  readonly compression?: number;
}

export interface LogSettings {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
}

const day = 86_400_000;

/** Reads the texts of a checked file; `data` is the folder that was decided on. */
export function readSettings(file: ConfigFile, data: string): Settings {
  const { duplicates, shrinkGuard, ranges, ...rules } = file.lineup;
  const { publicUrl, trustedProxies, access, log } = file;
  const { ffmpeg, slate, timeZone, timeshiftSize } = file.streams;
  return {
    listen: parseListen(String(file.listen)) ?? { host: "0.0.0.0", port: 8888 },
    ...(publicUrl === undefined ? {} : { publicUrl: publicUrl.replace(/\/+$/, "") }),
    trustedProxies,
    data,
    lineup: { rules, duplicates, shrinkGuard, ranges: readRanges(ranges) },
    guide: readGuide(file.guide),
    streams: {
      slate: parseDuration(slate) ?? 0,
      timeshiftSize: parseSize(timeshiftSize) ?? 0,
      ...(ffmpeg === undefined ? {} : { ffmpeg }),
      ...(timeZone === undefined ? {} : { timeZone }),
    },
    access,
    log,
  };
}

function readGuide({ match, days, history, repair, compression }: ConfigFile["guide"]): GuideSettings {
  const future = typeof days === "number" ? days * day : parseDuration(days);
  const past = parseDuration(history);
  return {
    match,
    ...(future === undefined ? {} : { days: future }),
    ...(past === undefined ? {} : { history: past }),
    keepPast: history !== "off",
    repair,
    ...(compression === undefined ? {} : { compression }),
  };
}

function readRanges(ranges: Readonly<Record<string, string>>): Record<string, NumberRange> {
  return Object.fromEntries(
    Object.entries(ranges).flatMap(([name, text]) => {
      const range = parseNumberRange(text);
      return range ? [[name, range]] : [];
    }),
  );
}
