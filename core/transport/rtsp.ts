// Opens `rtsp://` and `rtsps://` with our own client: a transport stream, in RTP or as it is, or pictures and sound, in the connection or over UDP.
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import { hasBye } from "../formats/rtp.ts";
import { parseRange } from "../formats/rtsp.ts";
import { attributeOf } from "../formats/sdp.ts";
import { describeUrl } from "../redact.ts";
import type { TransportSource } from "../types.ts";
import { type DialContext, type Opener, type OpenOptions, openingLimit } from "./context.ts";
import { parseRtspAddress, type RtspAddress, type TransportChoice } from "./rtsp/address.ts";
import { RtspRedirect, RtspRemuxError, RtspStatusError } from "./rtsp/fault.ts";
import { joinMedia, type MediaTrack, planMedia } from "./rtsp/media.ts";
import type { PacketSink } from "./rtsp/packets.ts";
import { type Carrier, openSession, type RtspSession, redirectLimit } from "./rtsp/session.ts";
import { carriesTransportStream, isRaw, type RtspTrack } from "./rtsp/tracks.ts";
import { createDepacketiser } from "./udp/depacketise.ts";
import { createGather } from "./udp/gather.ts";

export { parseRtspAddress, type RtspAddress, type TransportChoice } from "./rtsp/address.ts";
export { RtspRedirect, RtspRemuxError, RtspStatusError } from "./rtsp/fault.ts";
export type { PacketSink, RtspPacket } from "./rtsp/packets.ts";
export { type Carrier, openSession, type RtspSession, type SessionOptions } from "./rtsp/session.ts";
export { carriesTransportStream, type RtspTrack } from "./rtsp/tracks.ts";

const defaultBufferBytes = 4 * 2 ** 20;
/** Milliseconds after PLAY for which nothing may come before it is tried another way. */
const silenceLimit = 3000;
/** The server does not do it that way (RFC 2326 §11.3.14). */
const unsupportedTransport = 461;

const orders: Readonly<Record<TransportChoice, readonly Carrier[]>> = {
  auto: ["tcp", "udp", "mp2t"],
  tcp: ["tcp"],
  udp: ["udp", "tcp", "mp2t"],
};
/** Milliseconds after which a camera has shown its first pictures, and its connection is read less often. */
const eagerSpan = 6000;
const ways: Readonly<Record<Carrier, string>> = { tcp: "rtsp over tcp", udp: "rtsp over udp", mp2t: "rtsp over udp" };

/**
 * Opens `rtsp://[user:password@]host[:port]/path`. It is tried over TCP, and over UDP where the server wants that or
 * nothing comes; `rtsps:` over TLS alone; `rtspu:` and `#transport=udp` turn the order round, `rtspt:` and `#transport=tcp` allow TCP alone.
 *
 * @throws RtspRemuxError (`dial.content`) when it has neither a transport stream nor what we read: ffmpeg can remux that
 * @throws HeadendError `dial.*`, or the signal's reason; the server's session is then torn down
 */
export const openRtsp: Opener = async (url, options, context) => {
  const shown = describeUrl(url);
  const address = parseRtspAddress(url);
  if (typeof address === "string") throw new HeadendError("dial.refused", { url: shown, reason: address });
  options.signal.throwIfAborted();
  const { clock } = context;
  const control = new AbortController();
  const onAbort = () => control.abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  const opened = new AbortController();
  const late = new HeadendError("dial.timeout", { url: shown, limit: formatDuration(openingLimit) });
  clock.sleep(openingLimit, opened.signal).then(
    () => control.abort(late),
    () => {},
  );
  const leave = () => options.signal.removeEventListener("abort", onAbort);
  try {
    // What is in TLS stays in it.
    const order: Carrier[] = address.tls ? ["tcp"] : [...orders[address.transport]];
    const { source, closed } = await openTried(address, url, order, options, context, control.signal);
    closed.then(leave);
    return source;
  } catch (error) {
    leave();
    throw control.signal.aborted ? control.signal.reason : error;
  } finally {
    opened.abort();
  }
};

/** Tries one way after the other; each is a session of its own unless the server says at SETUP what it cannot. */
async function openTried(
  home: RtspAddress,
  url: string,
  order: Carrier[],
  { headers = {}, media }: OpenOptions,
  context: DialContext,
  signal: AbortSignal,
): Promise<Attempt> {
  let target = url;
  let credentials = home.credentials;
  for (let hops = 0; ; ) {
    const session = await openSession(target, { ...context, headers, signal, ...(credentials ? { credentials } : {}) });
    try {
      const content = contentOf(session, describeUrl(url), media);
      const { tracks } = content;
      if (content.own) order.splice(0, order.length, ...order.filter((carrier) => carrier !== "mp2t"));
      if (isRaw(tracks[0]?.medium)) order.sort((a, b) => Number(b === "mp2t") - Number(a === "mp2t"));
      const carrier = await setUp(session, tracks, order);
      const attempt = receive(session, content, carrier, context, signal);
      await session.play(playRange(session));
      if (await hasData(attempt, order.length > 0, context)) return attempt;
      // Silent: another way may bring something.
      await session.close();
    } catch (error) {
      await session.close();
      if (!(error instanceof RtspRedirect) || ++hops > redirectLimit) throw error;
      target = error.location;
      const next = parseRtspAddress(target);
      const same =
        typeof next === "object" && next.host === home.host && next.port === home.port && !next.tls === !home.tls;
      credentials = same ? home.credentials : undefined;
    }
    signal.throwIfAborted();
  }
}

interface Attempt {
  readonly source: TransportSource;
  /** Resolves when the first data has come. */
  readonly opened: Promise<void>;
  /** Resolves when all is closed. */
  readonly closed: Promise<void>;
}

/** What is read of a session. */
interface Content {
  readonly tracks: readonly RtspTrack[];
  /** Pictures and sound that we put together; absent: a transport stream. */
  readonly own?: readonly MediaTrack[];
}

/** The first track with a transport stream, in which all programmes are; else pictures and sound. */
function contentOf(session: RtspSession, shown: string, wish: OpenOptions["media"]): Content {
  const track = session.tracks.find(carriesTransportStream);
  if (track) return { tracks: [track] };
  const plan = planMedia(session.tracks, wish);
  if (plan.own) return { tracks: plan.own.map(({ track }) => track), own: plan.own };
  throw new RtspRemuxError(shown, plan);
}

/** Takes ways off the order until the server accepts one. */
async function setUp(session: RtspSession, tracks: readonly RtspTrack[], order: Carrier[]): Promise<Carrier> {
  for (;;) {
    const carrier = order.shift() ?? "tcp";
    try {
      await session.setup(tracks, carrier);
      return carrier;
    } catch (error) {
      const other = error instanceof RtspStatusError && error.rtspStatus === unsupportedTransport;
      if (!other || order.length === 0) throw error;
    }
  }
}

/** An archive says where it ends; then nothing is lost by reading slowly, for the connection waits. */
function isArchive({ sdp }: RtspSession): boolean {
  return parseRange(attributeOf(sdp, "range") ?? "")?.to !== undefined;
}

/** From the beginning, as other players ask, unless the server has a live edge. */
function playRange({ sdp }: RtspSession): string {
  const range = parseRange(attributeOf(sdp, "range") ?? "");
  return range?.unit === "npt" && range.from === "now" ? "npt=now-" : "npt=0.000-";
}

/** Gathers what comes from now on. */
function receive(
  session: RtspSession,
  content: Content,
  carrier: Carrier,
  { clock, log, bufferBytes }: DialContext,
  signal: AbortSignal,
): Attempt {
  const patient = carrier === "tcp" && isArchive(session);
  // What a connection brings at once is as much as is worth handing on, and needs no timer.
  const untimed = carrier === "tcp" && content.own !== undefined;
  const stop = new AbortController();
  const closed = Promise.withResolvers<void>();
  const gather = createGather({
    clock,
    limit: bufferBytes ?? defaultBufferBytes,
    ...(patient ? { hold: session.hold } : {}),
    untimed,
    signal,
    async close() {
      stop.abort();
      await session.close();
      closed.resolve();
      const told = reading.counts();
      if (told !== "" || gather.dropped > 0)
        log.debug(`${describeUrl(session.url)}: ${told || "nothing lost"}, ${gather.dropped} bytes not read`);
    },
  });
  const inner = { clock, signal: stop.signal, ordered: carrier === "tcp", deliver: gather.push };
  const reading = content.own ? readMedia(content.own, inner) : readTransport(inner);
  const end = (error?: HeadendError) => {
    reading.flush?.();
    gather.end(error);
  };
  if (untimed) clock.sleep(eagerSpan, stop.signal).then(session.relax, () => {});
  session.deliver({
    transient: untimed,
    packet(packet) {
      if (packet.control && hasBye(packet.bytes)) end();
      else reading.packet(packet);
    },
    pause: untimed ? gather.flush : () => {},
    end,
  });
  const source: TransportSource = {
    kind: "ts",
    chunks: gather.chunks,
    how: [ways[carrier], ...(content.own ?? []).map(({ codec }) => codec)].join(", "),
    ...(patient && { patient }),
  };
  return { source, opened: gather.opened, closed: closed.promise };
}

/** What takes packets, and says what was lost of them; empty: nothing. */
interface Reading extends Pick<PacketSink, "packet"> {
  counts(): string;
  flush?(): void;
}

type Reads = Parameters<typeof joinMedia>[1];

function readTransport({ clock, signal, deliver }: Reads): Reading {
  const depacketiser = createDepacketiser({ rtp: true, clock, signal, deliver });
  return {
    packet({ bytes, control }) {
      if (!control) depacketiser.push(bytes);
    },
    counts() {
      const { lost, late } = depacketiser.counts;
      return lost + late > 0 ? `${lost} packets lost, ${late} late` : "";
    },
  };
}

function readMedia(own: readonly MediaTrack[], inner: Reads): Reading {
  const join = joinMedia(own, inner);
  return {
    packet: join.push,
    flush: join.flush,
    counts() {
      const { lost, damaged } = join.counts;
      return lost + damaged > 0 ? `${lost} packets lost, ${damaged} frames left out` : "";
    },
  };
}

/** Waits for the first data; where something else can be tried, not for long. */
async function hasData({ opened }: Attempt, impatient: boolean, { clock }: DialContext): Promise<boolean> {
  if (!impatient) {
    await opened;
    return true;
  }
  const enough = new AbortController();
  try {
    return await Promise.race([opened.then(() => true), clock.sleep(silenceLimit, enough.signal).then(() => false)]);
  } finally {
    enough.abort();
  }
}
