// Packets of a session one by one, for readers that want them so; bounded when nobody reads.
import type { HeadendError } from "../../errors.ts";
import type { RtspTrack } from "./tracks.ts";

export interface RtspPacket {
  readonly track: RtspTrack;
  /** True for RTCP. */
  readonly control: boolean;
  /** As it came: an RTP packet, or whatever the server sends; the reader's to keep, unless its sink is transient. */
  readonly bytes: Uint8Array;
}

/** Takes what comes. */
export interface PacketSink {
  /** It keeps no bytes of a packet beyond `packet()`: their memory is used again. */
  readonly transient?: boolean;
  packet(packet: RtspPacket): void;
  /** All that had come in the connection has been given. */
  pause?(): void;
  /** Nothing more comes; with an error unless the server ended it in order. */
  end(error?: HeadendError): void;
}

export interface PacketQueue extends PacketSink {
  readonly packets: AsyncIterable<RtspPacket>;
}

/** Drops the oldest packets past `limit` bytes. `close` is called, and awaited, when the reader leaves. */
export function createPacketQueue(limit: number, close: () => Promise<void>): PacketQueue {
  const queue: RtspPacket[] = [];
  let bytes = 0;
  let ending: { readonly error?: unknown } | undefined;
  let wake: (() => void) | undefined;

  const iterator: AsyncIterator<RtspPacket> = {
    async next() {
      while (queue.length === 0 && !ending)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const value = queue.shift();
      if (value) {
        bytes -= value.bytes.length;
        return { done: false, value };
      }
      await close();
      const how = ending;
      ending = {};
      if (how?.error) throw how.error;
      return { done: true, value: undefined };
    },
    async return() {
      ending ??= {};
      queue.length = 0;
      wake?.();
      await close();
      return { done: true, value: undefined };
    },
  };
  return {
    packets: { [Symbol.asyncIterator]: () => iterator },
    packet(packet) {
      if (ending) return;
      queue.push(packet);
      bytes += packet.bytes.length;
      while (bytes > limit && queue.length > 1) bytes -= queue.shift()?.bytes.length ?? 0;
      wake?.();
    },
    end(error) {
      ending ??= error ? { error } : {};
      wake?.();
    },
  };
}
