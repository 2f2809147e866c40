// A transport stream made by hand: pictures and sound in time, with key frames, stamps and counters as a test wants them.
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
  const streams = [...(radio ? [] : [{ pid, type: 0x1b }]), { pid: soundPid, type: 0x0f }];
  const tables = () => [
    ...packetsOf(0, pat({ 1: mapPid }), counter(0)),
    ...packetsOf(mapPid, pmt(1, radio ? soundPid : pid, streams), counter(mapPid)),
  ];
  return Array.from({ length: count }, (_, index) => {
    const pts = ((o.pts ?? 900_000) + index * 3600) % wrap;
    const key = gop === 0 ? index === 0 : index % gop === 0;
    const clock = [0x10 | (key && !radio ? 0x40 : 0), ...pcrBytes((pts - 9000 + wrap) % wrap)];
    const body = key ? [0, 0, 1, 0x65, 0x88] : [0, 0, 1, 0x41, 0x9a];
    const parts: number[] = index % 10 === 0 ? tables() : [];
    const first = { counter: counter(radio ? soundPid : pid), field: clock, scrambled };
    parts.push(...packet(radio ? soundPid : pid, pes([...body, index & 255], pts, radio ? 0xc0 : 0xe0), first));
    if (!radio) {
      for (let more = 1; more < size; more++)
        parts.push(
          ...packet(pid, Array<number>(184).fill(index & 255), { starts: false, counter: counter(pid), scrambled }),
        );
      parts.push(...packet(soundPid, pes([index & 255], pts, 0xc0), { counter: counter(soundPid), scrambled }));
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
