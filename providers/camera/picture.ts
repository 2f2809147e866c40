// The first whole picture of a transport stream that begins with a key frame.
import { createProgrammeReader, programmeFlags } from "../../core/formats/keyframe.ts";
import { packetLength, pidOf, startsUnit } from "../../core/formats/mpegts.ts";

/** Bytes in which a picture must end. */
const most = 8 * 2 ** 20;

/** @returns whole packets with tables and the picture; all that there was when no other one follows */
export async function readPicture(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = body.getReader();
  const programme = createProgrammeReader();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let begun = false;
  try {
    while (bytes < most) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let at = 0; at + packetLength <= value.length; at += packetLength) {
        const flags = programme.read(value, at);
        if (pidOf(value, at) !== programme.videoPid || !startsUnit(value, at)) continue;
        if (begun) {
          parts.push(value.subarray(0, at));
          return joined(parts);
        }
        begun = (flags & programmeFlags.randomAccess) !== 0;
      }
      parts.push(value);
      bytes += value.length;
    }
    return joined(parts);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
