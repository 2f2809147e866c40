// What the playlist plugin can be told.
import { z } from "zod";
import { catchupDialects } from "../../core/formats/catchup.ts";

const contentType = z
  .string()
  .regex(/^[\x21-\x7e]+\/[\x20-\x7e]+$/, "expected a content type, such as application/xml");

export const config = z.strictObject({
  instance: z
    .string()
    .min(1)
    .optional()
    .describe(
      "show one instance alone, its upstream's own playlist where it is delivered direct and nothing is changed in it (else all, merged)",
    ),
  guideLink: z
    .union([z.string().startsWith("/"), z.literal(false)])
    .default("/guide.xml.gz")
    .describe(
      "the guide that the playlist's header names; `false` for none, which leaves an upstream's header as it is",
    ),
  catchup: z
    .enum(catchupDialects)
    .default("flussonic-ts")
    .describe("how catch-up is told to players, where `?catchup=` does not say; only of channels that have it"),
  output: z
    .enum(["ts", "m3u8"])
    .default("ts")
    .describe("what the streams' addresses give, where `?output=` does not say: a transport stream or HLS"),
  page: z
    .union([z.string().startsWith("/"), z.literal(false)])
    .default("/dashboard/")
    .describe("where a browser that opens `/` is led; players get the playlist there. `false`: nowhere"),
  playlistType: contentType.default("audio/x-mpegurl").describe("Content-Type of playlists"),
  guideType: contentType.default("application/xml").describe("Content-Type of `/guide.xml` and `/epg`"),
});
