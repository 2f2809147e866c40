// A server on loopback, openRtsp() with a clock of the test's or the system's own, and a check that nothing stays open.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { after } from "node:test";
import type { Clock } from "../../../../core/plugin.ts";
import { openRtsp } from "../../../../core/transport/rtsp.ts";
import type { TransportSource } from "../../../../core/types.ts";
import { openRtspServer, type RtspServer, type RtspServerOptions, transportSdp } from "../../../support/rtsp.ts";
import { openDialling } from "../dialing.ts";
import { bound, cut, packet, readUntil, stream } from "../udp/sending.ts";

const dialling = await openDialling();
after(() => dialling.close());
const { context } = dialling;

/** What the server sends unless told otherwise: `stream` as RTP. */
export const packets = cut(stream).map((payload, index) => packet(index, payload));

export async function open(
  url: string,
  o: { readonly clock?: Clock; readonly signal?: AbortSignal } = {},
): Promise<TransportSource> {
  const { signal = new AbortController().signal, ...rest } = o;
  const options = { signal, headers: { "User-Agent": "MICA" } };
  return (await openRtsp(url, options, { ...context, ...rest })) as TransportSource;
}

export async function leave({ chunks }: TransportSource): Promise<void> {
  await chunks[Symbol.asyncIterator]().return?.();
}

export async function withServer(
  o: Partial<RtspServerOptions>,
  work: (server: RtspServer) => Promise<void>,
): Promise<void> {
  const server = await openRtspServer({ sdp: transportSdp, packets, ...o });
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

/** Opens, reads all of `stream`, leaves; the server must then have no session and no connection. Gives the way it came. */
export async function readAll(
  server: RtspServer,
  url = server.url,
  o: { readonly clock?: Clock } = {},
): Promise<string> {
  const source = await open(url, o);
  assert.equal(Buffer.compare(await readUntil(source.chunks, stream.length), stream), 0);
  await leave(source);
  assert.equal(server.sessions.size, 0);
  while (server.connections > 0) await bound();
  return source.how ?? "";
}
