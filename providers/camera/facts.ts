// What a transport stream shows: which codecs, how large its pictures are and how many come a second, what sound goes with them.
import { createProgrammeReader, programmeFlags } from "../../core/formats/keyframe.ts";
import {
  findSync,
  packetLength,
  payloadAt,
  pidOf,
  readStamps,
  stampWrap,
  startsUnit,
  ticksPerSecond,
} from "../../core/formats/mpegts.ts";
import { type PictureSize, readH264Size, readH265Size, readMpeg2Size } from "./parameter-set.ts";

export interface Facts {
  /** Absent: there are no pictures. */
  readonly video?: { readonly codec: string; readonly fps?: number } & Partial<PictureSize>;
  /** Absent: there is no sound. */
  readonly audio?: { readonly codec: string; readonly rate?: number; readonly channels?: number };
}

export interface FactsReader {
  /** Takes bytes cut anywhere. */
  write(chunk: Uint8Array): void;
  /** What is known so far; undefined until the programme's map has come. */
  readonly facts: Facts | undefined;
  /** Nothing more is to be learnt. */
  readonly whole: boolean;
}

/** By stream_type (ISO/IEC 13818-1 table 2-34, ATSC A/53). */
const names: Readonly<Record<number, string>> = {
  1: "MPEG-1",
  2: "MPEG-2",
  3: "MP2",
  4: "MP2",
  15: "AAC",
  16: "MPEG-4",
  17: "AAC",
  27: "H.264",
  36: "H.265",
  51: "H.266",
  129: "AC-3",
  135: "E-AC-3",
};

/** Bytes of a picture in which its parameters are looked for. */
const headBytes = 4096;
/** Pictures by whose times the rate is told; and those of which one must be told to be whole. */
const mostPictures = 26;
const fewPictures = 12;

/** Of ADTS (ISO/IEC 14496-3 table 1.18). */
const rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];

export function createFactsReader(): FactsReader {
  const reader = createProgrammeReader();
  let rest = new Uint8Array(0);
  let size: PictureSize | undefined;
  let sound: { readonly rate: number; readonly channels: number } | undefined;
  /** The beginning of a picture that a decoder may begin with. */
  let head: number[] | undefined;
  let looked = false;
  const stamps: number[] = [];

  const videoType = () => reader.programme?.streams.find(({ pid }) => pid === reader.videoPid)?.type ?? 0;
  const audioStream = () => reader.programme?.streams.find(({ kind }) => kind === "audio");

  function closeHead(): void {
    if (!head) return;
    size = sizeOf(Uint8Array.from(head), videoType()) ?? size;
    looked = true;
    head = undefined;
  }

  function readPicture(bytes: Uint8Array, at: number, begins: boolean): void {
    const payload = payloadAt(bytes, at);
    if (startsUnit(bytes, at)) {
      closeHead();
      const { pts } = readStamps(bytes, at) ?? {};
      if (pts !== undefined && stamps.length < mostPictures) stamps.push(pts);
      if (begins && !size) head = [];
    }
    if (!head || payload === undefined) return;
    for (let next = payload; next < at + packetLength; next++) head.push(bytes[next] ?? 0);
    if (head.length >= headBytes) closeHead();
  }

  function readSound(bytes: Uint8Array, at: number): void {
    const payload = startsUnit(bytes, at) ? payloadAt(bytes, at) : undefined;
    if (sound || payload === undefined || audioStream()?.type !== 15) return;
    const frame = payload + 9 + (bytes[payload + 8] ?? 0);
    const byte = (ahead: number) => (frame + ahead < at + packetLength ? (bytes[frame + ahead] ?? 0) : 0);
    if (byte(0) !== 0xff || (byte(1) & 0xf6) !== 0xf0) return;
    const rate = rates[(byte(2) >> 2) & 0xf];
    if (rate !== undefined) sound = { rate, channels: ((byte(2) & 1) << 2) | (byte(3) >> 6) };
  }

  function readPacket(bytes: Uint8Array, at: number): void {
    const flags = reader.read(bytes, at);
    const pid = pidOf(bytes, at);
    if (pid === reader.videoPid) readPicture(bytes, at, (flags & programmeFlags.randomAccess) !== 0);
    else if (pid === audioStream()?.pid) readSound(bytes, at);
  }

  return {
    write(chunk) {
      const bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
      let at = findSync(bytes) ?? bytes.length;
      for (; at + packetLength <= bytes.length; at += packetLength) {
        // Lost: the next packet is looked for.
        if (bytes[at] !== 0x47) at = findSync(bytes, at) ?? bytes.length;
        if (at + packetLength <= bytes.length) readPacket(bytes, at);
      }
      rest = bytes.slice(Math.min(at, bytes.length));
    },
    get facts() {
      const { programme } = reader;
      if (!programme) return undefined;
      const audio = audioStream();
      const fps = rateOf(stamps);
      const nameOf = (type: number) => names[type] ?? `type 0x${type.toString(16)}`;
      return {
        ...(reader.hasVideo ? { video: { codec: nameOf(videoType()), ...size, ...(fps ? { fps } : {}) } } : {}),
        ...(audio ? { audio: { codec: nameOf(audio.type), ...sound } } : {}),
      };
    },
    get whole() {
      if (!reader.programme) return false;
      const heard = audioStream()?.type !== 15 || sound !== undefined;
      return heard && (!reader.hasVideo || ((looked || size !== undefined) && stamps.length >= fewPictures));
    },
  };
}

/** Pictures a second, to the tenth; undefined while there are too few. Times may come in another order than they are shown. */
function rateOf(stamps: readonly number[]): number | undefined {
  const [first] = stamps;
  if (first === undefined || stamps.length < 4) return undefined;
  const half = stampWrap / 2;
  const times = stamps.map((stamp) => ((stamp - first + half + stampWrap) % stampWrap) - half).sort((a, b) => a - b);
  // The middle step, as one that is missing says nothing of the others.
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const step = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0;
  const mean = span / steps.length;
  const usual = Math.max(...steps) > 1.8 * step ? step : mean;
  return usual > 0 ? Math.round((ticksPerSecond / usual) * 10) / 10 : undefined;
}

/** Looks for parameters behind start codes. */
function sizeOf(head: Uint8Array, type: number): PictureSize | undefined {
  for (let unit = 9 + (head[8] ?? 0) + 3; unit < head.length; unit++) {
    if (head[unit - 1] !== 1 || head[unit - 2] !== 0 || head[unit - 3] !== 0) continue;
    const first = head[unit] ?? 0;
    if (type === 27 && (first & 0x1f) === 7) return readH264Size(unitAt(head, unit));
    if (type === 36 && ((first >> 1) & 0x3f) === 33) return readH265Size(unitAt(head, unit));
    if ((type === 1 || type === 2) && first === 0xb3) return readMpeg2Size(head.subarray(unit + 1));
  }
  return undefined;
}

function unitAt(head: Uint8Array, unit: number): Uint8Array {
  for (let end = unit + 1; end + 2 < head.length; end++)
    if (head[end] === 0 && head[end + 1] === 0 && (head[end + 2] ?? 9) <= 1) return head.subarray(unit, end);
  return head.subarray(unit);
}
