// The core's own keys of the config file, as a schema that also is their documentation.
import { z } from "zod";
import { parseDuration, parseRate, parseSize } from "../formats/duration.ts";
import { rulesSchema, timeshiftSchema } from "../lineup/rules.ts";
import { isHashLike, parsePasswordHash } from "../server/passwords.ts";
import { isNetwork, isPublicUrl, parseListen, parseNumberRange } from "./address.ts";

/** Words that the server's own addresses begin with, so that no instance can have them. */
export const reservedNames = [
  "api",
  "epg",
  "healthz",
  "live",
  "login",
  "logout",
  "metrics",
  "openapi",
  "readyz",
  "t",
  "timeshift",
] as const;

/** What an instance may be called. */
export const instanceNamePattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** What a user may be called: basic auth cannot carry a colon. */
export const userNamePattern = /^[^:\p{Cc}]{1,128}$/u;

/** True when an instance may have this name. */
export function isInstanceName(name: string): boolean {
  return instanceNamePattern.test(name) && !(reservedNames as readonly string[]).includes(name);
}

const duration = (least: number, expected: string) =>
  z
    .string()
    .refine((text) => (parseDuration(text) ?? -1) >= least, `expected ${expected}`)
    .meta({ title: "duration" });

const numberRange = z
  .string()
  .refine((text) => parseNumberRange(text) !== undefined, "expected two numbers, such as 100-199")
  .meta({ title: "range" });

const secret = z.string().min(1).max(1024);

/** Keys of every instance; the plugin's own stand beside them. */
export const instanceSchema = z.looseObject({
  use: z.string().min(1).describe("name of a plugin, ./file.ts, or an npm package"),
  mount: z
    .string()
    .refine(
      (path) => path === "/" || (path.startsWith("/") && isInstanceName(path.slice(1))),
      "expected / or /name, the name in lower-case letters, digits, - and _, and none of the server's own",
    )
    .optional()
    .describe("where its addresses begin; default: / and the instance's name"),
  refresh: duration(1000, "a duration of a second or more, such as 12h or 1h30m")
    .default("12h")
    .describe("pause between two refreshes"),
  ...rulesSchema.shape,
  numbers: numberRange
    .optional()
    .describe("numbers for channels that bring none, or one outside; past its end when it is full"),
  deliver: z
    .enum(["relay", "redirect", "direct"])
    .default("relay")
    .describe(
      "how players get its pictures: through this headend; sent on to upstream; upstream's own address in playlists",
    ),
  tuners: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe("upstreams that may be open at once, of each account where channels name several; default: no limit"),
  reserve: z.int().min(0).max(1000).default(0).describe("tuners that only viewers may use, not recordings or probes"),
  bandwidth: z
    .string()
    .refine((text) => (parseRate(text) ?? 0) > 0, "expected bits a second, such as 85M")
    .meta({ title: "bit rate" })
    .optional()
    .describe("what its upstreams may take together; shared by the instances that name the same interface"),
  interface: z
    .string()
    .min(1)
    .optional()
    .describe("network interface for multicast: its name or address; default: the system's choice"),
  linger: duration(0, "a duration such as 5s")
    .default("5s")
    .describe("how long an upstream stays open when nobody watches it any more"),
  stall: duration(500, "a duration of half a second or more, such as 2s")
    .default("2s")
    .describe("silence of a live upstream after which another, or the same again, is tried"),
  ...timeshiftSchema.shape,
});

/** The core's keys of an instance, for hints. */
export const instanceKeys: readonly string[] = Object.keys(instanceSchema.shape);

const listen = z
  .union([z.number().int().min(0).max(65_535), z.string()])
  .refine((value) => parseListen(String(value)) !== undefined, "expected host:port, :port or a port");

const lineup = z.strictObject({
  ...rulesSchema.shape,
  duplicates: z
    .enum(["keep", "alternates"])
    .default("keep")
    .describe(
      "channels with one guide id, of one instance or several: keep them all, or make one channel with alternates",
    ),
  shrinkGuard: z
    .int()
    .min(0)
    .max(100)
    .default(3)
    .describe("how many refreshes must say that most channels are gone before it is believed; 0 believes at once"),
  ranges: z
    .record(z.string(), numberRange)
    .default({})
    .describe("channel numbers by instance, such as italia: 100-199"),
});

const daysOrAll = z
  .union([z.literal("all"), z.number().positive().max(3650), z.string()])
  .refine(
    (value) => typeof value === "number" || value === "all" || (parseDuration(value) ?? 0) > 0,
    "expected a number of days, a duration such as 36h, or all",
  )
  .meta({ title: "days, duration or `all`" });

const history = z
  .string()
  .refine(
    (text) => text === "all" || text === "off" || (parseDuration(text) ?? -1) >= 0,
    "expected a duration such as 7d, all, or off",
  )
  .meta({ title: "duration, `all` or `off`" });

const guide = z.strictObject({
  match: z
    .enum(["exact", "normalised", "name"])
    .default("name")
    .describe("how far to go to find the channel of a guide id: same id; id without case, signs and country; name"),
  days: daysOrAll.default(14).describe("how much of the future to keep"),
  history: history
    .default("7d")
    .describe("how much of the past to keep; all: for ever; off: the past that the sources still have, and no more"),
  repair: z
    .array(z.enum(["stops", "overlaps"]))
    .default([])
    .describe("what to mend: missing stop times, overlapping programmes"),
  compression: z.int().min(1).max(9).optional().describe("gzip level of the guide: 1 is fast, 9 is small"),
});

const access = z.strictObject({
  users: z
    .record(
      z.string().regex(userNamePattern, "a user's name cannot hold a colon"),
      z.strictObject({
        password: secret
          .refine(
            (text) => !isHashLike(text) || parsePasswordHash(text) !== undefined,
            "expected a hash as `headend password` makes them, in quotes",
          )
          .describe(`a hash that \`headend password\` makes; or \${NAME}, \${file:path}, or plain text`),
        role: z
          .enum(["viewer", "admin"])
          .optional()
          .describe("admins may change things, viewers may not; default: viewer, or admin where no user has a role"),
      }),
    )
    .default({})
    .describe("who may watch, by name; with none and no tokens, everybody may"),
  tokens: z
    .record(z.string().min(1), z.string().regex(/^[\w.~-]{8,256}$/, "a token is 8 or more of letters, digits, - . _ ~"))
    .default({})
    .describe("tokens by name, for players that know no password: /t/<token>/playlist.m3u"),
});

const streams = z.strictObject({
  ffmpeg: z
    .string()
    .min(1)
    .optional()
    .describe("the ffmpeg to use for what only it can open; default: FFMPEG_PATH, then the one in PATH"),
  slate: duration(0, "a duration such as 30s; 0 for none")
    .default("30s")
    .describe("how long a test card is shown while no upstream of a channel works, before its viewers are let go"),
  timeZone: z
    .string()
    .refine(isTimeZone, "expected a time zone such as Europe/Madrid")
    .optional()
    .describe("zone of the clock times in catch-up addresses; default: this machine's"),
  timeshiftSize: z
    .string()
    .refine((text) => (parseSize(text) ?? -1) >= 0, "expected a size such as 50GB")
    .meta({ title: "size" })
    .default("50GB")
    .describe("disk space that the timeshift of all channels together may take; the oldest goes first"),
});

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

const log = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("least important lines that are written"),
  format: z.enum(["text", "json"]).default("text").describe("lines for people, or one JSON object a line"),
});

/** The whole file. */
export const configSchema = z.strictObject({
  listen: listen.default("0.0.0.0:8888").meta({ title: "address" }).describe("host:port, :port or port to listen on"),
  publicUrl: z
    .string()
    .refine(isPublicUrl, "expected an http or https address without user, query or #")
    .optional()
    .describe("the address by which players reach this headend; default: what each request says"),
  trustedProxies: z
    .array(z.string().refine(isNetwork, "expected an IP address or a network such as 10.0.0.0/8"))
    .default([])
    .describe("networks whose forwarded headers are believed"),
  data: z.string().min(1).optional().describe("folder for everything that is kept"),
  instances: z
    .record(z.string(), instanceSchema)
    .default({})
    .describe("plugins that run, by a name of your choice; false switches off one that runs by itself"),
  lineup: lineup.prefault({}).describe("the channels of all instances together"),
  guide: guide.prefault({}).describe("the programmes of all instances together"),
  streams: streams.prefault({}).describe("the pictures of all channels"),
  access: access.prefault({}).describe("who may use this headend"),
  log: log.prefault({}).describe("what is written about it"),
});

/** The file as the schema gives it: defaults filled in, texts not yet read. */
export type ConfigFile = z.output<typeof configSchema>;
