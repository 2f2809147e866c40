// A sender of datagrams on loopback, and a transport stream to send.
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { formatRtp, type RtpPacket } from "../../../../core/formats/rtp.ts";
import { createTestClock } from "../../../support/clock.ts";

/** A transport stream, no packet of which is like another; as datagrams it fits into the smallest receive buffer. */
export const stream = new Uint8Array(70 * 7 * 188);
for (let at = 0; at < stream.length; at += 188) {
  stream.fill((at / 188) % 251, at, at + 188);
  stream.set([0x47, 0x01, 0x00, 0x10 | ((at / 188) & 0x0f), at & 0xff, (at >> 8) & 0xff, at >> 16], at);
}

/** Cuts bytes into pieces of one size; the last is shorter. */
export function cut(bytes: Uint8Array, size = 7 * 188): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

/** A packet with a payload of a transport stream, as senders send it. */
export function packet(sequence: number, payload: Uint8Array, more: Partial<RtpPacket> = {}): Uint8Array {
  return formatRtp({
    ...{ marker: false, payloadType: 33, sequence, timestamp: sequence * 100, ssrc: 0x1234, csrcs: [], padding: 0 },
    payload,
    ...more,
  });
}

export interface DatagramSender {
  readonly port: number;
  /** Sends one behind the other. */
  send(...datagrams: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/** Sends to `host:port`, from `from` and, to a group, through the interface that has that address (or is `::%name`). */
export async function openSender(host: string, port: number, from: string, face = from): Promise<DatagramSender> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind({ address: from, port: 0 });
  await once(socket, "listening");
  if (/^(2[23]\d\.|ff)/.test(host)) socket.setMulticastInterface(face);
  return {
    port: socket.address().port,
    async send(...datagrams) {
      for (const datagram of datagrams) {
        await new Promise<void>((resolve, reject) =>
          // Refused: the receiver has had enough.
          socket.send(datagram, port, host, (error) =>
            error && !/ECONNREFUSED/.test(error.message) ? reject(error) : resolve(),
          ),
        );
      }
    },
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}

/** Lets a socket that is being opened be bound: no more than turns of the event loop. */
export async function bound(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await setImmediate();
}

/** A port that nobody has, for UDP. */
export async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind({ address: "127.0.0.1", port: 0 });
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

/** A time that is set by hand, but lets chunks be gathered by itself: short sleeps end as soon as data can have come. */
export function createGatherClock() {
  const clock = createTestClock();
  let long = 0;
  return {
    ...clock,
    monotonic: () => clock.monotonic(),
    now: () => clock.now(),
    get sleeping() {
      return clock.sleeping;
    },
    get longSleeps() {
      return long;
    },
    async sleep(ms: number, signal?: AbortSignal) {
      if (ms > 15) {
        long++;
        return await clock.sleep(ms, signal);
      }
      await setImmediate();
      signal?.throwIfAborted();
    },
  };
}

/** Reads until so many bytes have come. */
export async function readUntil(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<Uint8Array> {
  const reader = chunks[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < bytes) {
    const { done, value } = await reader.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  return new Uint8Array(Buffer.concat(parts));
}
