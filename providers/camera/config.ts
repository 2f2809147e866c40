// What a camera instance can be told.
import { z } from "zod";
import { parseDuration } from "../../core/formats/duration.ts";

const schemes = /^(?:rtsp[stu]?|rtmp(?:s|t|e|te|ts)?|https?|srt|udp|rtp):\/\/\S\P{Cc}*$/iu;

const address = z
  .string()
  .refine(
    (text) => schemes.test(text.trim()),
    "expected the address of a camera, such as rtsp://user:password@10.0.0.5/stream1",
  )
  .meta({ title: "address" });

/** A duration from some milliseconds on. */
const duration = (least: number, expected: string) =>
  z
    .string()
    .refine((text) => (parseDuration(text) ?? -1) >= least, `expected ${expected}`)
    .meta({ title: "duration" });

const transport = z.enum(["auto", "tcp", "udp"]);
const audio = z.enum(["auto", "aac", "copy", "off"]);
const video = z.enum(["copy", "h264"]);
const linger = duration(0, "a duration, such as 10s");
const segment = duration(500, "a duration of half a second or more, such as 1s");

const hls = z.strictObject({ mode: z.enum(["ts", "fmp4", "ll"]) });

/** What a camera is called in addresses. */
export const nickname = z
  .string()
  .regex(/^(?!__proto__$)[\w-]{1,64}$/, "a nickname has letters, digits, - and _, 64 at most");

export const camera = z.strictObject({
  url: address.describe("rtsp, rtsps, rtmp, http(s) (FLV, MJPEG, HLS, transport stream), srt, udp or rtp"),
  name: z.string().min(1).optional().describe("what it is called; default: its nickname"),
  group: z.string().min(1).optional().describe("where it is listed; default: `group`"),
  logo: z.string().min(1).optional().describe("address of a picture for lists"),
  transport: transport.optional().describe("default: `transport`"),
  audio: audio.optional().describe("default: `audio`"),
  video: video.optional().describe("default: `video`"),
  linger: linger.optional().describe("default: `linger`"),
  segment: segment.optional().describe("default: `segment`"),
  hls: hls.optional().describe("default: `hls`"),
  always: z.boolean().default(false).describe("keeps it open though nobody watches"),
});

export const config = z
  .strictObject({
    cameras: z.record(nickname, z.union([address, camera])).describe("cameras by nickname: an address, or keys"),
    group: z.string().min(1).default("Cameras").describe("where they are listed"),
    transport: transport.default("auto").describe("how RTSP carries pictures: `auto` tries TCP, then UDP"),
    audio: audio
      .default("auto")
      .describe(
        "`auto` passes AAC on and makes AAC of other sound; `aac` transcodes all; `copy` none; `off` leaves it out",
      ),
    video: video.default("copy").describe("`copy` passes pictures on as they are; `h264` transcodes what is not H.264"),
    linger: linger.default("10s").describe("how long a camera stays open after the last sign of a viewer"),
    segment: segment.default("1s").describe("how long segments of HLS are meant to be; they end with key frames"),
    hls: hls
      .optional()
      .describe(
        "`{ mode: ll }` for low latency, `fmp4` for fragmented MP4, `ts`; default: as the plugin `hls` is told",
      ),
  })
  .meta({ description: "Cameras as channels, opened only while somebody watches." });

export type Config = z.output<typeof config>;
