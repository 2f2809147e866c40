// What the hls plugin can be told.
import { z } from "zod";
import { parseDuration, parseSize } from "../../core/formats/duration.ts";

/** A duration from some milliseconds on. */
const duration = (least: number, expected: string) =>
  z
    .string()
    .refine((text) => (parseDuration(text) ?? -1) >= least, `expected ${expected}`)
    .meta({ title: "duration" });

export const config = z.strictObject({
  mode: z
    .enum(["ts", "fmp4", "ll"])
    .default("ts")
    .describe(
      "what live segments are: transport streams, fragmented MP4, or that in parts for low latency; channels whose pictures or sound MP4 does not take stay transport streams",
    ),
  segment: duration(500, "a duration of half a second or more, such as 2s")
    .default("2s")
    .describe("how long a live segment is at least; it ends with the next key frame"),
  part: duration(100, "a duration of a tenth of a second or more, such as 300ms")
    .default("300ms")
    .describe("how long a part is with `ll`: players then stay three of them behind"),
  longest: duration(2000, "a duration of two seconds or more, such as 12s")
    .default("12s")
    .describe("how long a live segment is at most while no key frame comes"),
  window: z.int().min(3).max(100).default(6).describe("live segments that a playlist lists"),
  idle: duration(1000, "a duration of a second or more, such as 10s")
    .default("10s")
    .describe("how long after the last request a channel stays open; three segments at least"),
  memory: z
    .string()
    .refine((text) => (parseSize(text) ?? 0) >= 2 ** 20, "expected a size of 1MiB or more, such as 64MiB")
    .meta({ title: "size" })
    .default("64MiB")
    .describe("memory for the segments of one channel"),
});
