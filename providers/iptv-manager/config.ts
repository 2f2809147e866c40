// What an IPTV Manager instance can be told.
import { isIP } from "node:net";
import { z } from "zod";
import { findAddressFault } from "../../core/formats/address.ts";
import { parseDuration, parseSize } from "../../core/formats/duration.ts";
import { isKodiAddress } from "../../core/formats/kodi-address.ts";
import { epgSchema } from "./epg.ts";
import { oneLine, streamsSchema } from "./streams.ts";

const faultOf = (text: string) =>
  isKodiAddress(text)
    ? "plugin:// addresses are asked through a Kodi, which `kodi` names, or by a command"
    : findAddressFault(text);

const address = z
  .string()
  .min(1)
  .refine((text) => faultOf(text) === undefined, { error: ({ input }) => faultOf(String(input)) ?? "" })
  .meta({ title: "address" });

const command = z
  .strictObject({ command: z.array(z.string()).min(1).describe("program and arguments; `{port}` is the port") })
  .meta({ title: "address or `command`" });

const half = z.union([address, command]).meta({ title: "address or `{ command: [program, arguments] }`" });

const duration = (least: number) =>
  z
    .string()
    .refine((text) => (parseDuration(text) ?? 0) >= least, `expected a duration, such as 30s`)
    .meta({ title: "duration" });

const source = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\p{Cc}]*\S[^\p{Cc}]*$/u, "expected a name")
      .describe("what it is called; always one of its channels' groups"),
    channels: half.optional().describe("JSON-STREAMS or M3U: an address, or a program that calls back or prints it"),
    epg: half.optional().describe("JSON-EPG or XMLTV, likewise"),
    folder: z.string().min(1).optional().describe("the add-on's folder, for logos that are files of it"),
    icon: z.string().min(1).optional().describe("logo of channels that have none: an address, or a file in the folder"),
  })
  .refine((one) => one.channels !== undefined || one.epg !== undefined, "expected channels, epg or both");

const remote = z
  .string()
  .refine(
    (text) => /^(https?|tcp):$/.test(URL.parse(text)?.protocol ?? ""),
    "expected an address, such as http://127.0.0.1:8080 or tcp://127.0.0.1:9090",
  )
  .meta({ title: "address" });

const ip = (example: string) =>
  z
    .string()
    .refine((text) => isIP(text) > 0, `expected an IP address, such as ${example}`)
    .meta({ title: "IP address" });

const kodi = z
  .strictObject({
    jsonrpc: remote.optional().describe("Kodi's JSON-RPC: its web server's address, or tcp://host:9090"),
    user: z.string().min(1).default("kodi").describe("user of Kodi's web server, where that wants a password"),
    password: z.string().optional().describe("better from the environment than in plain"),
    home: z
      .string()
      .min(1)
      .optional()
      .describe("Kodi's home folder, such as ~/.kodi, where JSON-RPC is not or not always there"),
    host: z
      .string()
      .min(1)
      .optional()
      .describe("where Kodi's EventServer is; default: where its JSON-RPC is, or 127.0.0.1"),
    eventPort: z.int().min(0).max(65_535).default(9777).describe("its port; 0: do not use it"),
    addons: z.array(z.string().min(1)).optional().describe("ids of the add-ons to ask; default: all that take part"),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe("port to be called back at, for a relay from a Kodi elsewhere: one half at a time; default: any"),
    listen: ip("192.168.1.10")
      .optional()
      .describe("this machine's address to be called back at, where that is not 127.0.0.1; needs `from`"),
    from: ip("192.168.1.20").optional().describe("the only address that may call back there"),
  })
  .refine((one) => one.jsonrpc !== undefined || one.home !== undefined, "expected jsonrpc, home or both")
  .refine((one) => (one.listen === undefined) === (one.from === undefined), "listen and from go together");

const documents = {
  "JSON-STREAMS": z.toJSONSchema(streamsSchema, { io: "input" }),
  "JSON-EPG": z.toJSONSchema(epgSchema, { io: "input" }),
};

export const config = z
  .strictObject({
    sources: z
      .array(source)
      .default([])
      .refine((all) => new Set(all.map(({ name }) => oneLine(name))).size === all.length, "two sources have one name")
      .describe("add-ons and documents that bring channels, programmes or both"),
    kodi: kodi.optional().describe("a Kodi whose add-ons are sources, found by themselves"),
    connect: duration(1).default("30s").describe("how long a program or an add-on may take to call back"),
    silence: duration(1).default("2m").describe("how long it may then be silent"),
    total: duration(1).default("5m").describe("how long one half may take altogether"),
    maxSize: z
      .string()
      .refine((text) => (parseSize(text) ?? 0) > 0, "expected a size, such as 256MB")
      .meta({ title: "size" })
      .default("256MB")
      .describe("how large one document may be"),
    parallel: z.int().min(1).max(64).default(4).describe("how many sources are asked at once"),
  })
  // `headend plugins iptv-manager --schema` shows what the two documents look like.
  .meta({ documents });

export type Config = z.output<typeof config>;
export type SourceConfig = Config["sources"][number];
export type HalfConfig = NonNullable<SourceConfig["channels"]>;
