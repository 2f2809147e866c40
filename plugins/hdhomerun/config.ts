// What a virtual HDHomeRun device can be told.
import { z } from "zod";
import { isDeviceId } from "../../core/formats/hdhomerun.ts";
import { selectorSchema } from "../../core/formats/selector.ts";

/** Numbers from–to, both included; the second may be left out. */
const range = /^(\d{1,7})(?:\s*-\s*(\d{1,7}))?$/;

/** The first and the last number of a range; undefined when it is none. */
export function readRange(text: string): { readonly from: number; readonly to: number } | undefined {
  const [, from, to = from] = range.exec(text.trim()) ?? [];
  if (from === undefined || Number(to) < Number(from)) return undefined;
  return { from: Number(from), to: Number(to) };
}

const port = z.int().min(0).max(65_535);

export const config = z.strictObject({
  port: port.default(5004).describe("port of its own; each device needs another"),
  name: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("what clients call the device; default: Headend, and the instance's name where that is another"),
  tuners: z
    .int()
    .min(1)
    .max(255)
    .default(4)
    .describe(
      "how many may watch by this device at once; how many upstreams are opened is for the providers' `tuners`",
    ),
  include: z.array(selectorSchema).optional().describe("only channels that one of these selects; default: all"),
  exclude: z.array(selectorSchema).optional().describe("no channel that one of these selects"),
  range: z
    .string()
    .refine((text) => readRange(text) !== undefined, "expected two numbers, such as 100-199")
    .meta({ title: "range" })
    .optional()
    .describe("only channels with these numbers"),
  first: z.int().min(1).optional().describe("no more channels than this: the first by number of those selected"),
  allow: z
    .enum(["private", "all"])
    .default("private")
    .describe("who is answered: private, link-local and loopback addresses only, or everybody"),
  publicHost: z
    .string()
    .regex(/^(?:[\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])$/i, "expected a host name or an address, without port")
    .optional()
    .describe("the host in the device's addresses; default: what each request says"),
  port80: z
    .boolean()
    .default(false)
    .describe("listen on port 80 as well, where Jellyfin looks for what it has found by itself"),
  discovery: z
    .strictObject({
      ssdp: z.boolean().default(true).describe("answer UPnP searches on port 1900 and announce the device"),
      hdhomerun: z.boolean().default(true).describe("answer HDHomeRun searches and questions on port 65001"),
      interfaces: z
        .array(z.string().min(1))
        .optional()
        .describe("names or addresses of the network interfaces to be found on; default: all"),
      ports: z
        .strictObject({
          hdhomerun: port.optional().describe("default: 65001"),
          ssdp: port.optional().describe("default: 1900"),
        })
        .prefault({})
        .describe("other ports than those that clients ask at, for tests"),
    })
    .prefault({})
    .describe("how the device is found on the network"),
  deviceId: z
    .string()
    .refine(isDeviceId, "expected eight hexadecimal digits of which the last fits the others; leave it out to get one")
    .optional()
    .describe("the id that clients know it by; default: one that is made once and kept"),
  model: z
    .string()
    .regex(/^[\x21-\x7e]{1,32}$/, "expected a model such as HDHR5-4US")
    .refine((text) => !/hdtc/i.test(text), "this model would promise transcoding, which clients then ask for")
    .default("HDHR5-4US")
    .describe("the model that clients take it for"),
});
