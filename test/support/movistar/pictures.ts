// Moving pictures with a sound, from any second on; the clock reference of each packet tells which second it is.
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packetLength, pidOf, readPcr } from "../../../core/formats/mpegts.ts";
import { createLoop } from "../../../providers/testcard/loop.ts";
import { root } from "../source.ts";

/** Pictures that go round. */
export interface Pictures {
  readonly loop: ReturnType<typeof createLoop>;
  /** Batches of one round. */
  readonly round: number;
}

const clip = readFileSync(join(root, "providers/testcard/testcard-1.mpegts"));
const clipMs = 8000;

/** @param clip a transport stream of eight seconds */
export function makePictures(clip: Uint8Array): Pictures {
  const loop = createLoop(clip, clipMs);
  let round = 1;
  while (loop.batch(round).at < clipMs) round++;
  return { loop, round };
}

const usual = makePictures(clip);
const datagramBytes = 7 * packetLength;

/** The clock reference at second 0, in 27 MHz ticks. */
export const firstClock = firstClockOf(clip) ?? 0;

/** The second that a stream is at: of its first clock reference. Undefined when it has none. */
export function secondOf(bytes: Uint8Array): number | undefined {
  const clock = firstClockOf(bytes);
  return clock === undefined ? undefined : (clock - firstClock) / 27e6;
}

/** Every second that a stream's clock references say, in order. */
export function secondsOf(bytes: Uint8Array): number[] {
  const seconds: number[] = [];
  for (let at = 0; at + packetLength <= bytes.length; at += packetLength) {
    const clock = readPcr(bytes, at);
    if (clock !== undefined) seconds.push((clock - firstClock) / 27e6);
  }
  return seconds;
}

function firstClockOf(bytes: Uint8Array): number | undefined {
  for (let at = 0; at + packetLength <= bytes.length; at += packetLength) {
    const clock = readPcr(bytes, at);
    if (clock !== undefined) return clock;
  }
  return undefined;
}

export interface Showing {
  stop(): void;
}

export interface ShowOptions {
  /** Milliseconds of the pictures to begin with. */
  readonly from: number;
  /** Milliseconds of the pictures after which nothing more is sent. */
  readonly until?: number;
  /** Video is scrambled: its transport_scrambling_control says so. */
  readonly scrambled?: boolean;
  /** Absent: a test card. */
  readonly pictures?: Pictures | undefined;
  readonly send: (datagram: Buffer) => void;
}

const videoPid = videoPidOf(clip);

/** Sends pictures at their own pace, in datagrams of seven packets. */
export function show({
  from,
  until = Number.POSITIVE_INFINITY,
  scrambled = false,
  send,
  pictures,
}: ShowOptions): Showing {
  const { loop, round } = pictures ?? usual;
  let index = Math.floor(from / clipMs) * round;
  while (loop.batch(index + 1).at <= from) index++;
  const start = loop.batch(index).at;
  const begun = performance.now();
  let rest = Buffer.alloc(0);
  const tick = () => {
    for (;;) {
      const { at, bytes } = loop.batch(index);
      if (at >= until) return clearInterval(timer);
      if (at - start > performance.now() - begun) return;
      index++;
      if (scrambled) scramble(bytes);
      rest = Buffer.concat([rest, bytes]);
      for (; rest.length >= datagramBytes; rest = rest.subarray(datagramBytes))
        send(Buffer.from(rest.subarray(0, datagramBytes)));
    }
  };
  const timer = setInterval(tick, 20);
  tick();
  return { stop: () => clearInterval(timer) };
}

function scramble(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += packetLength)
    if (pidOf(bytes, at) === videoPid) bytes[at + 3] = (bytes[at + 3] ?? 0) | 0x80;
}

/** The PID with most of the bytes. */
function videoPidOf(bytes: Uint8Array): number {
  const counts = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += packetLength)
    counts.set(pidOf(bytes, at), (counts.get(pidOf(bytes, at)) ?? 0) + 1);
  return [...counts].reduce((most, each) => (each[1] > most[1] ? each : most))[0];
}

/** Wraps a payload in RTP: payload type 33, with twelve bytes of extension data or none. */
export function wrapRtp(payload: Uint8Array, sequence: number, isExtended: boolean): Buffer {
  const head = Buffer.alloc(isExtended ? 28 : 12);
  head[0] = isExtended ? 0x90 : 0x80;
  head[1] = 33;
  head.writeUInt16BE(sequence & 0xffff, 2);
  head.writeUInt32BE((sequence * 900) >>> 0, 4);
  head.writeUInt32BE(0x1234, 8);
  if (isExtended) head.writeUInt32BE(0xbede_0003, 12);
  return Buffer.concat([head, payload]);
}
