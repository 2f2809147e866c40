// What depacketisers give: the frames of one RTP stream, ready for a transport stream.
import type { RtpPacket } from "../rtp.ts";

/** A coded picture, or a run of coded sound. */
export interface Frame {
  /** A whole access unit in the byte stream format (ITU-T H.264 annex B, H.265 annex B), or whole ADTS frames. */
  readonly bytes: Uint8Array;
  /** The RTP time stamp of its first sample: 32 bits, in ticks of the payload's clock. */
  readonly timestamp: number;
  /** A decoder may begin here: its parameters are in it. Always true of sound. */
  readonly key: boolean;
}

/** Puts the packets of one stream together. Takes them in order; what is cut short or lost costs the frame that it is of. */
export interface FrameReader {
  /** The frames that are complete with this packet. They are copies, good for ever unless the reader was told otherwise. */
  push(packet: RtpPacket): readonly Frame[];
  /** Frames that were left out because a part of them was missing or could not be read. */
  readonly damaged: number;
}

/** Tells gaps in sequence numbers (RFC 3550 §5.1). */
export function createGapCheck(): (sequence: number) => boolean {
  let next = -1;
  return (sequence) => {
    const gap = next >= 0 && sequence !== next;
    next = (sequence + 1) & 0xffff;
    return gap;
  };
}
