// Opens datagram streams: `udp://` and `rtp://`, unicast and multicast, a transport stream as it is or in RTP.
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import { reasonOf } from "../reason.ts";
import { describeUrl } from "../redact.ts";
import type { TransportSource } from "../types.ts";
import { type DialContext, type Opener, type OpenOptions, openingLimit } from "./context.ts";
import { isMulticast, parseDatagramAddress } from "./udp/address.ts";
import { createDepacketiser, type DatagramCounts } from "./udp/depacketise.ts";
import { createGather } from "./udp/gather.ts";
import { type DatagramSocket, openDatagramSocket } from "./udp/socket.ts";

export { parseDatagramAddress } from "./udp/address.ts";

/** A stream of datagrams, gathered into chunks. */
export interface DatagramSource extends TransportSource {
  /** What has come so far. */
  readonly counts: DatagramCounts;
  /** Bytes that were dropped because nobody read them in time. */
  readonly dropped: number;
}

/** Most bytes that wait for the reader, unless the context says otherwise. */
const defaultBufferBytes = 4 * 2 ** 20;
/** So many datagrams without a transport stream in any are believed to have none. */
const foreignLimit = 100;

/** Opens `udp://[source@][group]:port`; RTP is recognised when it carries a transport stream. @throws HeadendError `dial.*` */
export const openUdp: Opener = (url, options, context) => openDatagrams(url, options, context, false);

/** Opens `rtp://[source@][group]:port`; a stream that comes without RTP is taken, too. @throws HeadendError `dial.*` */
export const openRtp: Opener = (url, options, context) => openDatagrams(url, options, context, true);

async function openDatagrams(
  url: string,
  { signal }: OpenOptions,
  context: DialContext,
  rtp: boolean,
): Promise<DatagramSource> {
  const { clock, log } = context;
  const shown = describeUrl(url);
  const refuse = (reason: string, cause?: unknown) => new HeadendError("dial.refused", { url: shown, reason }, cause);
  const address = parseDatagramAddress(url);
  if (typeof address === "string") throw refuse(address);
  signal.throwIfAborted();
  const host = await resolve(address.host).catch((error) => {
    throw refuse(`${address.host} is not known: ${reasonOf(error)}`, error);
  });
  signal.throwIfAborted();

  const stop = new AbortController();
  let socket: DatagramSocket | undefined;
  const gather = createGather({
    clock,
    limit: context.bufferBytes ?? defaultBufferBytes,
    signal,
    async close() {
      stop.abort();
      await socket?.close();
      const { lost, late } = depacketiser.counts;
      if (lost + late + gather.dropped > 0)
        log.debug(`${shown}: ${lost} packets lost, ${late} late, ${gather.dropped} bytes not read in time`);
    },
  });
  const depacketiser = createDepacketiser({ rtp, clock, signal: stop.signal, deliver: gather.push });
  const face = address.interface ?? context.interface;
  let useful = false;
  try {
    socket = await openDatagramSocket({
      host,
      port: address.port,
      sources: address.sources,
      ...(face === undefined ? {} : { interface: face }),
      clock,
      log,
      onDatagram(bytes) {
        depacketiser.push(bytes);
        useful ||= depacketiser.rtp !== undefined;
        if (!useful && depacketiser.counts.foreign >= foreignLimit)
          gather.end(new HeadendError("dial.content", { url: shown, reason: depacketiser.found }));
      },
      onError: (error) => gather.end(refuse(reasonOf(error), error)),
    });
  } catch (error) {
    gather.end();
    throw refuse(reasonOf(error), error);
  }
  if (stop.signal.aborted) await socket.close();

  const opened = new AbortController();
  const late = new HeadendError("dial.timeout", { url: shown, limit: formatDuration(openingLimit) });
  clock.sleep(openingLimit, opened.signal).then(
    () => gather.end(late),
    () => {},
  );
  await gather.opened.finally(() => opened.abort());
  return {
    kind: "ts",
    chunks: gather.chunks,
    how: `${depacketiser.rtp ? "rtp" : "udp"} ${isMulticast(host) ? "multicast" : "unicast"}`,
    get counts() {
      return depacketiser.counts;
    },
    get dropped() {
      return gather.dropped;
    },
  };
}

async function resolve(host: string): Promise<string> {
  if (host === "") return "0.0.0.0";
  return isIP(host) ? host : (await lookup(host)).address;
}
