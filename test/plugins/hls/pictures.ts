// A transport stream made by hand: pictures and sound in time, with key frames, stamps and counters as a test wants them.
import { Buffer } from "node:buffer";
import { packet, packetsOf, pat, pes, pmt } from "../../core/formats/packets.ts";

export interface PicturesOptions {
  /** Pictures, 25 a second; default 250. */
  readonly count?: number;
  /** Every how many pictures a key frame comes; 0: only the first. Default 25. */
  readonly gop?: number;
  /** The first PTS, in ticks of 90 kHz; default 900000. */
  readonly pts?: number;
  /** PID of the pictures; default 0x101. */
  readonly pid?: number;
  /** Packets a picture; default 3. */
  readonly size?: number;
  /** Payloads cannot be read. */
  readonly scrambled?: boolean;
  /** Sound alone. */
  readonly radio?: boolean;
  /** The first continuity counter of every PID. */
  readonly counter?: number;
  /** Key frames have parameters of H.264, and sound is frames of AAC; of that width. */
  readonly coded?: 320 | 640;
  /** Stream types of pictures and sound (ISO/IEC 13818-1 table 2-34); default 0x1b, 0x0f. */
  readonly types?: readonly [pictures: number, sound: number];
  /** Sound is announced, and never comes. */
  readonly silent?: boolean;
}

/** Sequence and picture parameters as libx264 writes them for 320 x 180 and 640 x 360, baseline profile. */
const parameters = {
  320: ["6742c00cda05067e7c0440000003004000000c83c50aa8", "68ce0fc8"],
  640: ["6742c01eda0280bfe5c044000003000400000300c83c58ba80", "68ce0fc8"],
} as const;
const startCode = [0, 0, 0, 1];
/** Samples of a frame of AAC at 48 kHz, in ticks of 90 kHz. */
export const soundTicks = 1920;

function keyPicture(coded: PicturesOptions["coded"]): number[] {
  if (!coded) return [0, 0, 1, 0x65, 0x88];
  const sets = parameters[coded].flatMap((hex) => [...startCode, ...Buffer.from(hex, "hex")]);
  return [...startCode, 0x09, 0xf0, ...sets, 0, 0, 1, 0x65, 0x88];
}

/** Frames with a header (ISO/IEC 14496-3 §1.A.2.2): AAC LC, 48 kHz, two channels. */
function soundFrames(count: number, filling: number): number[] {
  const length = 16;
  const head = [0xff, 0xf1, 0x4c, 0x80 | (length >> 11), (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc];
  return Array.from({ length: count }, () => [...head, ...Array<number>(length - head.length).fill(filling)]).flat();
}

export const mapPid = 0x50;
export const soundPid = 0x201;
const wrap = 2 ** 33;

/** One chunk of whole packets for every picture; the first begins with PAT and PMT. */
export function makePictures(o: PicturesOptions = {}): Uint8Array[] {
  const { count = 250, gop = 25, pid = 0x101, size = 3, scrambled = false, radio = false } = o;
  const counters = new Map<number, number>();
  const counter = (of: number) => {
    const next = ((counters.get(of) ?? (o.counter ?? 0) - 1) + 1) & 15;
    counters.set(of, next);
    return next;
  };
  const [pictureType, soundType] = o.types ?? [0x1b, 0x0f];
  const streams = [...(radio ? [] : [{ pid, type: pictureType }]), { pid: soundPid, type: soundType }];
  let sounded = 0;
  /** What of the sound comes with a picture, and when its first frame is heard. */
  const sound = (index: number, pts: number): number[] => {
    if (!o.coded) return pes([index & 255], pts, 0xc0);
    const from = sounded;
    sounded = Math.ceil(((index + 1) * 3600) / soundTicks);
    return pes(soundFrames(sounded - from, index & 127), ((o.pts ?? 900_000) + from * soundTicks) % wrap, 0xc0);
  };
  const tables = () => [
    ...packetsOf(0, pat({ 1: mapPid }), counter(0)),
    ...packetsOf(mapPid, pmt(1, radio ? soundPid : pid, streams), counter(mapPid)),
  ];
  return Array.from({ length: count }, (_, index) => {
    const pts = ((o.pts ?? 900_000) + index * 3600) % wrap;
    const key = gop === 0 ? index === 0 : index % gop === 0;
    const clock = [0x10 | (key && !radio ? 0x40 : 0), ...pcrBytes((pts - 9000 + wrap) % wrap)];
    const body = key ? keyPicture(o.coded) : [0, 0, 1, 0x41, 0x9a];
    const parts: number[] = index % 10 === 0 ? tables() : [];
    const first = { counter: counter(radio ? soundPid : pid), field: clock, scrambled };
    if (radio && o.coded) parts.push(...packet(soundPid, sound(index, pts), first));
    else parts.push(...packet(radio ? soundPid : pid, pes([...body, index & 255], pts, radio ? 0xc0 : 0xe0), first));
    if (!radio) {
      for (let more = 1; more < size; more++)
        parts.push(
          ...packet(pid, Array<number>(184).fill(index & 255), { starts: false, counter: counter(pid), scrambled }),
        );
      if (!o.silent) parts.push(...packet(soundPid, sound(index, pts), { counter: counter(soundPid), scrambled }));
    }
    return Uint8Array.from(parts);
  });
}

/** A clock reference of 27 MHz whose base is that many ticks of 90 kHz (ISO/IEC 13818-1 §2.4.3.5). */
function pcrBytes(base: number): number[] {
  const high = Math.floor(base / 2);
  return [(high >>> 24) & 255, (high >>> 16) & 255, (high >>> 8) & 255, high & 255, ((base % 2) << 7) | 0x7e, 0];
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
