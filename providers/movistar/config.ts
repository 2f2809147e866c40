// What a Movistar instance can be told; all of it is found by itself where it can be.
import { z } from "zod";
import { parseDuration, parseRate } from "../../core/formats/duration.ts";

/** `239.0.2.129:3937`: the reader's two parts, or undefined. */
export function parseGroup(text: string): { readonly address: string; readonly port: number } | undefined {
  const [, address, port] = /^(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text.trim()) ?? [];
  const isGiven = address !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
  return isGiven && address.split(".").every((part) => Number(part) <= 255)
    ? { address, port: Number(port) }
    : undefined;
}

export const config = z.strictObject({
  interface: z
    .string()
    .min(1)
    .optional()
    .describe("network interface of the operator's network: its name or address; default: the one that leads there"),
  dns: z
    .string()
    .refine((text) => parseGroup(/:/.test(text) ? text : `${text}:53`) !== undefined, {
      error: "expected an address such as 172.26.23.3",
    })
    .optional()
    .describe("name server of the operator's network, such as 172.26.23.3; default: the system's"),
  appserver: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .optional()
    .describe("addresses of the operator's web service, best first; default: those that are known"),
  entryPoint: z
    .string()
    .refine((text) => parseGroup(text) !== undefined, "expected an address and a port, such as 239.0.2.129:3937")
    .optional()
    .describe("group and port at which discovery begins; default: what the web service says"),
  demarcation: z
    .int()
    .min(1)
    .max(999)
    .optional()
    .describe("number of the region, such as 19 for Madrid; default: what the web service says"),
  style: z
    .enum(["old", "5.x", "next"])
    .default("next")
    .describe("which version of movistar-u7d the lists are written like"),
  encrypted: z
    .enum(["hide", "show"])
    .default("hide")
    .describe("whether channels that were found to be encrypted are listed"),
  extra: z.array(z.int().min(1)).default([]).describe("ids of channels that are listed whatever they are"),
  bandwidth: z
    .string()
    .refine((text) => (parseRate(text) ?? 0) > 0, "expected bits a second, such as 85M")
    .meta({ title: "bit rate" })
    .default("85M")
    .describe("what its streams may take of the line together; a line has 100M"),
  refresh: z
    .string()
    .refine((text) => parseDuration(text) !== undefined, "expected a duration such as 1h")
    .meta({ title: "duration" })
    .default("1h")
    .describe("how often channels and guide are looked at again"),
  continuous: z
    .boolean()
    .default(true)
    .describe("go on with the next programme when a past one ends, in the same answer"),
});

export type Config = z.output<typeof config>;
