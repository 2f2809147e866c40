// One recording of the operator's archive: found by its programme, set up, played from an offset, and torn down for certain.
import { isIP } from "node:net";
import { formatDuration } from "../../core/formats/duration.ts";
import { isTransportDatagram } from "../../core/formats/rtp.ts";
import { headerOf, parseSession } from "../../core/formats/rtsp.ts";
import { type Clock, HeadendError, type Logger } from "../../core/plugin.ts";
import { openSession, RtspStatusError } from "../../core/transport/rtsp.ts";
import { type Appserver, type Fields, fieldsOf, numberOf, textOf } from "./appserver.ts";
import type { Counts } from "./figures.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Resolve } from "./resolve.ts";
import type { ScheduledEvent } from "./schedule.ts";

export interface RecordingContext {
  readonly appserver: Appserver;
  readonly clock: Clock;
  readonly log: Logger;
  /** The address of this machine in the operator's network. */
  readonly localAddress?: string | undefined;
  readonly leftovers: Leftovers;
  readonly resolve: Resolve;
  readonly counts: Counts["archive"];
}

/** What is to be played. */
export interface RecordingWish {
  /** The channel's own id, and its name for errors. */
  readonly channel: number;
  readonly name: string;
  readonly event: ScheduledEvent;
}

/** A recording that is set up; it plays when it is told to. */
export interface Recording {
  /** When what was recorded began and ends, by what the operator says of it: the guide may have been wrong. */
  readonly begin: number;
  readonly end: number;
  /** Plays from an offset in milliseconds on; resolves when the operator has agreed. */
  play(offset: number, sink: RecordingSink): Promise<void>;
  /** TEARDOWN, then the sockets. */
  close(): Promise<void>;
}

export interface RecordingSink {
  /** Whole packets of a transport stream. */
  packets(bytes: Uint8Array): void;
  /** The session broke. */
  ended(error?: Error): void;
}

/** Milliseconds for each answer of the archive. */
const answerLimit = 5000;
const notFound = 404;
/** A schedule that is further off than this is not believed to be that of the same programme. */
const mostShift = 6 * 3_600_000;
const userAgent = "MICA-IP-STB";

/** @throws HeadendError `tune.past` for what is not there, `tune.closed` when the archive is down, `dial.*` */
export async function openRecording(
  wish: RecordingWish,
  context: RecordingContext,
  signal: AbortSignal,
): Promise<Recording> {
  const { appserver, clock, log, localAddress, resolve, counts } = context;
  const { channel, name, event } = wish;
  const data = await findRecording(appserver, channel, event, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    counts.isUp = false;
    throw closed(name, "the operator's web service does not answer", error);
  });
  const said = textOf(data.url);
  if (!said || !/^rtsp:\/\//i.test(said))
    throw new HeadendError("tune.past", { channel: name, reason: "the operator has no recording of this programme" });
  const { url } = await resolve(said);
  const began = numberOf(data.beginTime) ?? event.start;
  const begin = Math.abs(began - event.start) < mostShift ? began : event.start;
  const isHd = data.isHdtv === true || data.isHdtv === 1 || data.isHdtv === "true" || data.isHdtv === "1";
  const session = await openSession(url, {
    ...{ clock, log, signal, describe: false, keepAlive: "GET_PARAMETER", limit: answerLimit },
    headers: { "User-Agent": userAgent },
    ...(localAddress !== undefined && isIP(localAddress) ? { localAddress } : {}),
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    counts.isUp = false;
    counts.errors++;
    throw closed(name, "the operator's catch-up service is down", error);
  });
  let isOpen = false;
  let isCounted = false;
  const count = () => {
    if (!isCounted && !signal.aborted) counts.errors++;
    isCounted = true;
  };
  const failed = async (error: unknown): Promise<never> => {
    count();
    await session.close();
    signal.throwIfAborted();
    if (error instanceof RtspStatusError && error.rtspStatus === notFound)
      throw new HeadendError("tune.past", { channel: name, reason: "the operator has no such recording" }, error);
    throw error;
  };
  await session.setup(session.tracks, "mp2t").catch(failed);
  let forget = () => {};
  isOpen = true;
  counts.isUp = true;
  counts.sessions++;
  return {
    begin,
    end: begin + (event.stop - event.start),
    async play(offset, sink) {
      let first = true;
      session.deliver({
        packet({ bytes }) {
          // On channels that are not HD the first datagram is rubbish, though it may look like a stream.
          const isBogus = (first && !isHd) || !isTransportDatagram(bytes);
          first = false;
          if (!isBogus) sink.packets(bytes);
        },
        end(error) {
          if (isOpen) count();
          sink.ended(error);
        },
      });
      const range = `npt=${(Math.max(0, offset) / 1000).toFixed(3)}-end`;
      const played = await session.play(range, { Scale: "1.000", "x-playNow": "", "x-noFlush": "" }).catch(failed);
      const named = parseSession(headerOf(played.headers, "session") ?? "");
      if (named) forget = context.leftovers.add({ url, session: named.id });
    },
    async close() {
      if (isOpen) counts.sessions--;
      isOpen = false;
      await session.close();
      forget();
    },
  };
}

/** What the operator says of a recording; nothing when there is none. */
async function findRecording(
  appserver: Appserver,
  channel: number,
  { pid }: ScheduledEvent,
  signal: AbortSignal,
): Promise<Fields> {
  const query = { extInfoID: pid, channelID: channel, mode: 1 };
  const fields = fieldsOf(await appserver.ask("getCatchUpUrl", query, signal));
  // What the customer has kept in the cloud is there for much longer.
  return textOf(fields.url) ? fields : fieldsOf(await appserver.ask("getRecordingData", query, signal));
}

function closed(channel: string, reason: string, cause: unknown): HeadendError {
  return new HeadendError("tune.closed", { channel, reason }, cause);
}

/** Nothing came after PLAY. */
export function silent(name: string, limit: number): HeadendError {
  return new HeadendError("dial.timeout", { url: `${name}, past`, limit: formatDuration(limit) });
}
