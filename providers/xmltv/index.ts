// A guide without a playlist: for the channels that other instances bring.
import { z } from "zod";
import { findAddressFault } from "../../core/formats/address.ts";
import { parseDuration } from "../../core/formats/duration.ts";
import { definePlugin, type GuideAddress } from "../../core/plugin.ts";

/** An address that core can fetch a document from. */
const address = z
  .string()
  .min(1)
  .refine((text) => findAddressFault(text) === undefined, {
    error: ({ input }) => findAddressFault(String(input)) ?? "",
  });

export default definePlugin({
  name: "xmltv",
  api: 1,
  config: z.strictObject({
    guides: z
      .array(address)
      .min(1)
      .describe("addresses of XMLTV guides, best first: http, https, file or paths; compressed or not"),
    map: z
      .record(z.string(), z.string())
      .default({})
      .describe("by hand: a guide's channel id to the `tvg-id` it belongs to"),
    match: z
      .enum(["exact", "normalised", "name"])
      .optional()
      .describe("how far guide ids are matched to channels (else `guide.match` of the config)"),
    shift: z
      .string()
      .refine((text) => parseDuration(text) !== undefined, "expected a duration, such as 1h or -30m")
      .default("0s")
      .describe("added to every time of these guides"),
  }),
  setup(_host, config) {
    const shift = parseDuration(config.shift) ?? 0;
    const sources = config.guides.map(
      (url): GuideAddress => ({
        url,
        local: true,
        ...(shift !== 0 && { shift }),
        ...(config.match && { match: config.match }),
        ...(Object.keys(config.map).length > 0 && { map: config.map }),
      }),
    );
    return { guide: () => sources };
  },
});
