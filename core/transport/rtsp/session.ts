// An RTSP session: described, set up track by track, played, kept, and torn down for certain.
import { HeadendError } from "../../errors.ts";
import {
  type Credentials,
  formatRange,
  formatTransport,
  headerOf,
  parseSession,
  parseTransports,
  type RtspFrame,
  type RtspRange,
  type RtspResponse,
  type RtspTransport,
} from "../../formats/rtsp.ts";
import type { SessionDescription } from "../../formats/sdp.ts";
import type { Clock, Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import { describeUrl } from "../../redact.ts";
import { parseRtspAddress, type RtspAddress } from "./address.ts";
import { openExchange, type RtspExchange } from "./exchange.ts";
import { RtspRedirect } from "./fault.ts";
import { keepAlive } from "./keep-alive.ts";
import { createPacketQueue, type PacketSink, type RtspPacket } from "./packets.ts";
import { type MediaPorts, openMediaPorts } from "./ports.ts";
import { type Described, type RtspTrack, readDescription, undescribed } from "./tracks.ts";

/** How media comes: in the connection, by RTP over UDP, or as a plain transport stream over UDP. */
export type Carrier = "tcp" | "udp" | "mp2t";

export interface SessionOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Closes the session. */
  readonly signal: AbortSignal;
  /** Absent: those of the address. */
  readonly credentials?: Credentials;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: goes without DESCRIBE; the session then has one track, which is the address. */
  readonly describe?: boolean;
  /** The address of this machine to connect from, and to receive at. */
  readonly localAddress?: string;
  /** What keeps the session; absent: what the server says it can. */
  readonly keepAlive?: "GET_PARAMETER" | "OPTIONS";
  /** Milliseconds for each answer (default 10 s). */
  readonly limit?: number;
}

export interface RtspSession {
  /** After redirects, without user and password. */
  readonly url: string;
  readonly sdp: SessionDescription;
  readonly tracks: readonly RtspTrack[];
  /** Asks for tracks, one after the other, all of them carried alike. @throws RtspStatusError such as 461, RtspRedirect */
  setup(tracks: readonly RtspTrack[], carrier: Carrier): Promise<void>;
  /** Plays from where it stands, or a range; playing again seeks. `Range` and `RTP-Info` are in the answer. */
  play(range?: RtspRange | string, headers?: Readonly<Record<string, string>>): Promise<RtspResponse>;
  pause(): Promise<RtspResponse>;
  /** Any other request for the whole session, such as GET_PARAMETER with a body. An answer of any status is given. */
  request(method: string, headers?: Readonly<Record<string, string>>, body?: Uint8Array): Promise<RtspResponse>;
  /** Sends what comes from now on to a sink: the quick way. Set it before `play()`. */
  deliver(sink: PacketSink): void;
  /** What comes from now on, one by one; the oldest are dropped past 4 MiB. Leaving it closes the session. */
  packets(): AsyncIterable<RtspPacket>;
  /** Stops reading from the server, or goes on; only what comes in the connection waits. */
  hold(full: boolean): void;
  /** From now on what comes in the connection is taken some times a second, together. */
  relax(): void;
  /** Tears the session down, waiting at most one second for the answer, then closes all sockets. */
  close(): Promise<void>;
}

/** Milliseconds for which closing waits for the server. */
const closeLimit = 1000;
const requestLimit = 10_000;
const queueBytes = 4 * 2 ** 20;
/** Redirects that are followed (RFC 2326 §11.2). */
export const redirectLimit = 5;

/** Connects and describes, following redirects; user and password go to no other server. @throws HeadendError `dial.*` */
export async function openSession(url: string, options: SessionOptions): Promise<RtspSession> {
  const first = parse(url, url);
  let address = first;
  for (let hop = 0; ; hop++) {
    const same = address.host === first.host && address.port === first.port && !address.tls === !first.tls;
    const credentials = address.credentials ?? (same ? (options.credentials ?? first.credentials) : undefined);
    try {
      return await openOne(address, { ...options, ...(credentials ? { credentials } : {}) });
    } catch (error) {
      if (!(error instanceof RtspRedirect) || hop >= redirectLimit) throw error;
      address = parse(error.location, url);
    }
  }
}

function parse(text: string, whole: string): RtspAddress {
  const address = parseRtspAddress(text);
  if (typeof address !== "string") return address;
  throw new HeadendError("dial.refused", { url: describeUrl(whole), reason: address });
}

async function openOne(address: RtspAddress, options: SessionOptions): Promise<RtspSession> {
  const { clock, log, signal } = options;
  const shown = describeUrl(address.url);
  const stop = new AbortController();
  /** Where the frames of each channel belong. */
  const channels = new Map<number, Omit<RtspPacket, "bytes">>();
  const ports: MediaPorts[] = [];
  const greetings: (() => void)[] = [];
  let sink: PacketSink | undefined;
  let ended: { readonly error?: HeadendError } | undefined;
  let timeout = 60_000;
  let settingUp: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;
  let kept = false;

  const end = (error?: HeadendError) => {
    if (ended) return;
    ended = error ? { error } : {};
    sink?.end(error);
    stop.abort();
  };
  const onFrame = ({ channel, payload }: RtspFrame) => {
    const found = channels.get(channel);
    if (!found || !sink) return;
    const bytes = sink.transient ? payload : new Uint8Array(payload);
    sink.packet({ track: found.track, control: found.control, bytes });
  };
  const exchange: RtspExchange = await openExchange({
    ...options,
    host: address.host,
    port: address.port,
    ...(address.tls ? { tls: address.tls } : {}),
    shown,
    limit: options.limit ?? requestLimit,
    onFrame,
    onPause: () => sink?.pause?.(),
    onEnd: end,
  });
  const onAbort = () => void close();
  const close = () => {
    signal.removeEventListener("abort", onAbort);
    closing ??= tearDown().finally(() => end());
    return closing;
  };
  const tearDown = async () => {
    stop.abort();
    const enough = new AbortController();
    // What is held back stands before the answer.
    exchange.hold(false);
    // A session that is just being set up is the server's already, though its name is still on the way.
    const torn = settingUp.then(async () => {
      if (exchange.session !== undefined && !ended) await exchange.ask("TEARDOWN", described.control);
    });
    await Promise.race([torn, clock.sleep(closeLimit, enough.signal)]).catch(() => {});
    enough.abort();
    await Promise.all([exchange.close(), ...ports.map((each) => each.close())]);
  };

  let described: Described = undescribed(address.url);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (options.describe !== false) {
      const response = await exchange.must("DESCRIBE", address.url, [["Accept", "application/sdp"]]);
      described = readDescription(response, address.url);
    }
    signal.throwIfAborted();
  } catch (error) {
    await close();
    throw signal.aborted ? signal.reason : error;
  }

  const setupOne = async (track: RtspTrack, carrier: Carrier) => {
    const media = carrier === "tcp" ? undefined : await openPorts(track, carrier);
    if (media) ports.push(media);
    try {
      await setupAt(track, carrier, media);
    } catch (error) {
      if (media) {
        ports.splice(ports.indexOf(media), 1);
        await media.close();
      }
      throw error;
    }
  };
  const setupAt = async (track: RtspTrack, carrier: Carrier, media: MediaPorts | undefined) => {
    const even = track.index * 2;
    const asked: RtspTransport = {
      protocol: { tcp: "RTP/AVP/TCP", udp: "RTP/AVP", mp2t: "MP2T/H2221/UDP" }[carrier],
      delivery: "unicast",
      ...(media ? { clientPort: media.ports } : { interleaved: [even, even + 1] }),
    };
    const response = await exchange.must("SETUP", track.control, [["Transport", formatTransport(asked)]]);
    const session = parseSession(headerOf(response.headers, "session") ?? "");
    exchange.session = session?.id ?? exchange.session;
    timeout = session?.timeout ?? timeout;
    const given = parseTransports(headerOf(response.headers, "transport") ?? "")[0] ?? asked;
    if (given.delivery === "multicast")
      throw new HeadendError("dial.refused", { url: shown, reason: "the server sends to a multicast group only" });
    if (!media || given.interleaved) {
      const [first, second = first + 1] = given.interleaved ?? [even, even + 1];
      channels.set(first, { track, control: false });
      channels.set(second, { track, control: true });
    }
    const { serverPort } = given;
    if (media && serverPort && carrier === "udp") {
      const greet = () => media.greet(given.source ?? exchange.remoteAddress, serverPort);
      greetings.push(greet);
      greet();
    }
  };
  const openPorts = async (track: RtspTrack, carrier: Carrier) => {
    const to = (control: boolean) => (bytes: Uint8Array) => sink?.packet({ track, control, bytes });
    const refuse = (error: unknown) => new HeadendError("dial.refused", { url: shown, reason: reasonOf(error) }, error);
    return await openMediaPorts({
      host: options.localAddress ?? exchange.localAddress,
      pair: carrier === "udp",
      clock,
      log,
      onMedia: to(false),
      onControl: to(true),
      onError: (error) => end(refuse(error)),
    }).catch((error) => {
      throw refuse(error);
    });
  };
  const whileOpen = () => {
    signal.throwIfAborted();
    if (closing) throw new HeadendError("dial.ended", { url: shown });
  };
  const deliver = (to: PacketSink) => {
    sink = to;
    if (ended) to.end(ended.error);
  };
  const keep = () => {
    if (kept) return;
    kept = true;
    const onBeat = () => {
      for (const greet of greetings) greet();
    };
    const method = options.keepAlive ? { method: options.keepAlive } : {};
    const url = described.control;
    const rest = { exchange, url, shown, clock, log, signal: stop.signal, onBeat, onLost: end, ...method };
    keepAlive({ ...rest, timeout: () => timeout }).catch(() => {});
  };
  const listed = (headers: Readonly<Record<string, string>>) => Object.entries(headers);

  return {
    url: address.url,
    sdp: described.sdp,
    tracks: described.tracks,
    async setup(tracks, carrier) {
      for (const track of tracks) {
        whileOpen();
        const one = setupOne(track, carrier);
        settingUp = one.catch(() => {});
        await one;
        whileOpen();
      }
    },
    async play(range, headers = {}) {
      const text = typeof range === "object" ? formatRange(range) : range;
      const all = [...(text === undefined ? [] : [["Range", text] as const]), ...listed(headers)];
      whileOpen();
      const response = await exchange.must("PLAY", described.control, all);
      keep();
      return response;
    },
    pause: () => exchange.must("PAUSE", described.control),
    request: (method, headers = {}, body) => exchange.ask(method, described.control, listed(headers), body),
    deliver,
    packets() {
      const queue = createPacketQueue(queueBytes, close);
      deliver(queue);
      return queue.packets;
    },
    hold: exchange.hold,
    relax: exchange.relax,
    close,
  };
}
