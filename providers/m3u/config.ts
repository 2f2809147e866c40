// What an M3U instance can be told.
import { z } from "zod";
import { findAddressFault } from "../../core/formats/address.ts";

/** An address that core can fetch a document from. */
const address = z
  .string()
  .min(1)
  .refine((text) => findAddressFault(text) === undefined, {
    error: ({ input }) => findAddressFault(String(input)) ?? "",
  });

export const config = z.strictObject({
  playlist: address.describe("address of the playlist: http, https, file or a path"),
  guides: z.array(address).default([]).describe("addresses of XMLTV guides, best first"),
  preferPlaylistGuide: z
    .boolean()
    .default(false)
    .describe("when the playlist's header names guides, those are used instead of `guides`"),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .describe("request headers for the playlist, and for guides on the same server"),
  userAgent: z.string().min(1).optional().describe("User-Agent for the playlist and the guides"),
  match: z
    .enum(["exact", "normalised", "name"])
    .optional()
    .describe("how far guide ids are matched to channels (else `guide.match` of the config)"),
  map: z
    .record(z.string(), z.string())
    .default({})
    .describe("by hand: a guide's channel id to the `tvg-id` it belongs to"),
  encoding: z
    .string()
    .refine(isEncoding, "expected the name of an encoding, such as windows-1254")
    .optional()
    .describe("encoding of a playlist that is not UTF-8 (else windows-1252 where it is not valid UTF-8)"),
});

export type Config = z.output<typeof config>;

function isEncoding(name: string): boolean {
  try {
    return new TextDecoder(name).encoding !== "";
  } catch {
    return false;
  }
}
