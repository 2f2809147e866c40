// The pair of UDP ports to which a track is sent: media on an even one, its control on the next (RFC 3550 §11).
import { formatReceiverReport, formatRtp } from "../../formats/rtp.ts";
import type { RtspPorts } from "../../formats/rtsp.ts";
import type { Clock, Logger } from "../../plugin.ts";
import { type DatagramSocket, openDatagramSocket } from "../udp/socket.ts";

export interface PortOptions {
  /** The address of this machine to which the server sends. */
  readonly host: string;
  /** False: one port, for media without control. */
  readonly pair: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onMedia: (bytes: Uint8Array) => void;
  readonly onControl: (bytes: Uint8Array) => void;
  readonly onError: (error: unknown) => void;
}

export interface MediaPorts {
  readonly ports: RtspPorts;
  /** Shows the server's ports that somebody is here, and makes way through firewalls. */
  greet(address: string, ports: RtspPorts): void;
  close(): Promise<void>;
}

/** So many pairs are tried before it is given up. */
const attempts = 20;

/** @throws SocketFault */
export async function openMediaPorts(options: PortOptions): Promise<MediaPorts> {
  const { pair, onMedia, onControl } = options;
  const open = (port: number, onDatagram: (bytes: Uint8Array) => void) =>
    openDatagramSocket({ ...options, port, onDatagram });
  for (let left = attempts; ; left--) {
    const media = await open(0, onMedia);
    if (!pair) return together(media);
    if (media.port % 2 === 0) {
      try {
        return together(media, await open(media.port + 1, onControl));
      } catch (error) {
        await media.close();
        if (left <= 1) throw error;
        continue;
      }
    }
    // The even neighbour below is as good as any; the odd one is then the control's.
    await media.close();
    let even: DatagramSocket | undefined;
    try {
      even = await open(media.port - 1, onMedia);
      return together(even, await open(media.port, onControl));
    } catch (error) {
      await even?.close();
      if (left <= 1) throw error;
    }
  }
}

function together(media: DatagramSocket, control?: DatagramSocket): MediaPorts {
  // A name for us that no sender has.
  const ssrc = media.port * 0x10000 + media.port;
  const nothing = new Uint8Array(0);
  return {
    ports: control ? [media.port, control.port] : [media.port],
    greet(address, [first, second]) {
      const opening = { marker: false, payloadType: 0, sequence: 0, timestamp: 0, ssrc, csrcs: [], padding: 0 };
      media.send(formatRtp({ ...opening, payload: nothing }), first, address).catch(() => {});
      if (control && second !== undefined) control.send(formatReceiverReport(ssrc), second, address).catch(() => {});
    },
    async close() {
      await Promise.all([media.close(), control?.close()]);
    },
  };
}
