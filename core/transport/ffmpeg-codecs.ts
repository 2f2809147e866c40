// What ffmpeg makes of pictures and sound: passes them on as they are, or makes of them what players know.
import { createProgrammeReader } from "../formats/keyframe.ts";
import { type ProgrammeMap, packetLength } from "../formats/mpegts.ts";
import type { MediaWish } from "../plugin.ts";

/** What is not passed on as it is. */
export interface Recoding {
  readonly video: boolean;
  readonly audio: boolean;
  /** Sound is left out. */
  readonly silent: boolean;
}

/** Key frames this often: as long as a segment of HLS is meant to be. */
const keyPause = 2;
const h264 = [
  ...["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
  ...["-force_key_frames", `expr:gte(t,n_forced*${keyPause})`],
];
/** Sound of telephones has 8 kHz, which not every player takes. */
const aac = ["-c:a", "aac", "-b:a", "64k", "-ar", "48000"];

/** Arguments for an output. */
export function codecArguments({ video, audio, silent }: Recoding): string[] {
  return ["-c", "copy", ...(video ? h264 : []), ...(silent ? ["-an"] : audio ? aac : [])];
}

/** What can be said before anything has come. */
export function firstRecoding(wish: MediaWish | undefined): Recoding {
  return { video: false, audio: wish?.audio === "aac", silent: wish?.audio === "off" };
}

/** stream_types of ISO/IEC 13818-1 table 2-34. */
const typeH264 = 0x1b;
const typeAac = 0x0f;

/** What has to be done otherwise, now that the first bytes of the outcome are there; undefined: nothing. */
export function nextRecoding(now: Recoding, first: Uint8Array, wish: MediaWish | undefined): Recoding | undefined {
  const streams = programmeOf(first)?.streams ?? [];
  const some = (kind: "video" | "audio", good: number) =>
    streams.some((stream) => stream.kind === kind && stream.type !== good);
  const video = now.video || (wish?.video === "h264" && some("video", typeH264));
  const audio = now.audio || (wish?.audio === "auto" && !now.silent && some("audio", typeAac));
  return video === now.video && audio === now.audio ? undefined : { ...now, video, audio };
}

/** What has to be done otherwise when a codec cannot be carried, if that may be done. */
export function recodingFor(codec: string, now: Recoding, wish: MediaWish | undefined): Recoding | undefined {
  if (!wish) return undefined;
  if (!/^(?:pcm|adpcm|opus|g72|vorbis|flac|alac|speex|nellymoser|wma|ra_|amr|gsm|qdm|cook)/.test(codec))
    return now.video ? undefined : { ...now, video: true };
  return now.audio || wish.audio === "copy" ? undefined : { ...now, audio: true };
}

/** In words, for people; empty when all is passed on. */
export function describeRecoding({ video, audio }: Recoding): string {
  return [video ? "pictures to H.264" : "", audio ? "sound to AAC" : ""].filter((each) => each !== "").join(", ");
}

function programmeOf(bytes: Uint8Array): ProgrammeMap | undefined {
  const reader = createProgrammeReader();
  for (let at = 0; at + packetLength <= bytes.length && !reader.programme; at += packetLength) reader.read(bytes, at);
  return reader.programme;
}
