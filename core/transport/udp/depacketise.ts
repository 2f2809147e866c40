// Takes datagrams and gives what they carry of a transport stream: as it is, or out of RTP, in order.
import { findSync } from "../../formats/mpegts.ts";
import {
  createReorder,
  isRtcp,
  isTransportDatagram,
  parseRtp,
  type ReorderCounts,
  type ReorderOptions,
  transportStreamPayload,
} from "../../formats/rtp.ts";
import type { Clock } from "../../plugin.ts";

/** What has come so far. */
export interface DatagramCounts extends Readonly<ReorderCounts> {
  /** Datagrams that carried nothing of a transport stream. */
  readonly foreign: number;
}

export interface Depacketiser {
  readonly counts: DatagramCounts;
  /** Whether the last datagram was an RTP packet; undefined before the first that was of use. */
  readonly rtp: boolean | undefined;
  /** What came instead of a transport stream, in words. */
  readonly found: string;
  push(datagram: Uint8Array): void;
}

export interface DepacketiserOptions extends ReorderOptions {
  /** True when RTP is expected; else a packet counts as one only if whole transport packets are in it. */
  readonly rtp: boolean;
  readonly clock: Clock;
  /** Ends the waiting for packets that are missing. */
  readonly signal: AbortSignal;
  /** Called with views of the datagrams, in order. */
  readonly deliver: (payload: Uint8Array) => void;
}

/** Milliseconds for which a packet waits for those before it. */
const reorderTime = 50;

export function createDepacketiser(options: DepacketiserOptions): Depacketiser {
  const { clock, deliver, signal } = options;
  const reorder = createReorder<Uint8Array>(deliver, { time: reorderTime, ...options });
  let foreign = 0;
  let rtp: boolean | undefined;
  let waiting = false;
  let found = "nothing of a transport stream is in it";

  const wait = async () => {
    while (reorder.held > 0) {
      await clock.sleep(options.time ?? reorderTime, signal);
      reorder.expire(clock.monotonic());
    }
  };
  const raw = (datagram: Uint8Array) => {
    rtp = false;
    deliver(datagram);
  };

  return {
    get counts() {
      return { ...reorder.counts, foreign };
    },
    get rtp() {
      return rtp;
    },
    get found() {
      return found;
    },
    push(datagram) {
      if (isTransportDatagram(datagram)) return raw(datagram);
      const packet = parseRtp(datagram);
      const fits = packet && (isTransportDatagram(packet.payload) || (options.rtp && mayFit(packet)));
      if (packet && fits) {
        rtp = true;
        reorder.push(packet.sequence, packet.ssrc, packet.payload, clock.monotonic());
        if (reorder.held > 0 && !waiting) {
          waiting = true;
          wait().then(
            () => (waiting = false),
            () => {},
          );
        }
        return;
      }
      // Senders that fill datagrams to the brim cut packets anywhere; once begun, such a stream goes on.
      if (!options.rtp && (rtp === false || findSync(datagram) !== undefined)) return raw(datagram);
      if (isRtcp(datagram)) return;
      foreign++;
      if (packet) found = `it is RTP of payload type ${packet.payloadType}, and no transport stream`;
    },
  };
}

/** True for a payload that is cut otherwise, or scrambled whole, but says by its type or its first byte what it is. */
function mayFit({ payloadType, payload }: { payloadType: number; payload: Uint8Array }): boolean {
  return payload.length > 0 && (payloadType === transportStreamPayload || payload[0] === 0x47);
}
