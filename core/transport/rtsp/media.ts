// Pictures and sound that come by RTP without a transport stream: which of them we read ourselves, and made into one.
import { Buffer } from "node:buffer";
import { createMuxer } from "../../formats/mpegts/muxer.ts";
import { createAacReader, parseAacConfig } from "../../formats/rtp/aac.ts";
import type { FrameReader } from "../../formats/rtp/frame.ts";
import { createH264Reader } from "../../formats/rtp/h264.ts";
import { createH265Reader } from "../../formats/rtp/h265.ts";
import { createDecodingOrder, createRtpTimeline, parseSenderReport } from "../../formats/rtp/timeline.ts";
import { createReorder, parseRtp, type RtpPacket } from "../../formats/rtp.ts";
import type { SdpPayload } from "../../formats/sdp.ts";
import type { Clock, MediaWish } from "../../plugin.ts";
import type { RtspPacket } from "./packets.ts";
import type { RtspTrack } from "./tracks.ts";

/** A track that we read. */
export interface MediaTrack {
  readonly track: RtspTrack;
  readonly payload: SdpPayload;
  readonly kind: "video" | "audio";
  /** stream_type of ISO/IEC 13818-1 table 2-34. */
  readonly type: number;
  /** For people. */
  readonly codec: string;
  createReader(): FrameReader;
}

/** What a description says of itself: what we read of it; or what ffmpeg is needed for. */
export type MediaPlan =
  | { readonly own: readonly MediaTrack[] }
  | { readonly own?: undefined; readonly video: string | undefined; readonly audio: string | undefined };

/**
 * Ours is the first H.264 or H.265 (single and non-interleaved mode) with the first sound, when that is AAC which ADTS can
 * say or is not wanted; AAC alone, too. Everything else is ffmpeg's. Other tracks, such as events of ONVIF, are nobody's.
 */
export function planMedia(tracks: readonly RtspTrack[], wish: MediaWish | undefined): MediaPlan {
  const first = (kind: string) => tracks.find((track) => track.kind === kind && track.payloads.length > 0);
  const [video, audio] = [first("video"), wish?.audio === "off" ? undefined : first("audio")];
  const pictures = video && readVideo(video);
  const sound = audio && readAudio(audio);
  const refused =
    (video && !pictures) ||
    (audio && !sound) ||
    (sound && wish?.audio === "aac") ||
    (wish?.video === "h264" && pictures && pictures.type !== 0x1b);
  const own = [pictures, sound].filter((each) => each !== undefined);
  if (!refused && own.length > 0) return { own };
  return { video: video?.payloads[0]?.encoding, audio: audio?.payloads[0]?.encoding };
}

function readVideo(track: RtspTrack): MediaTrack | undefined {
  for (const payload of track.payloads) {
    const { encoding, parameters, clockRate } = payload;
    if (clockRate === 0) continue;
    const decode = (names: readonly string[]) => names.flatMap((name) => readParameters(parameters[name]));
    const base = { track, payload, kind: "video" } as const;
    if (/^H264$/i.test(encoding) && parameters["packetization-mode"] !== "2") {
      const sets = decode(["sprop-parameter-sets"]);
      return { ...base, type: 0x1b, codec: "H.264", createReader: () => createH264Reader(sets, true) };
    }
    if (/^(?:H265|HEVC)$/i.test(encoding) && !(Number(parameters["sprop-max-don-diff"]) > 0)) {
      const sets = decode(["sprop-vps", "sprop-sps", "sprop-pps"]);
      return { ...base, type: 0x24, codec: "H.265", createReader: () => createH265Reader(sets, true) };
    }
  }
  return undefined;
}

function readAudio(track: RtspTrack): MediaTrack | undefined {
  const [payload] = track.payloads;
  if (!payload || !/^MPEG4-GENERIC$/i.test(payload.encoding) || payload.clockRate === 0) return undefined;
  const { parameters } = payload;
  const config = parseAacConfig(parameters.config ?? "");
  const sizeLength = Number(parameters.sizelength);
  if (!config || !(sizeLength > 0 && sizeLength <= 16)) return undefined;
  const small = (text: string | undefined) => Math.min(Math.max(Number(text) || 0, 0), 16);
  const indexLength = small(parameters.indexlength);
  const indexDeltaLength = small(parameters.indexdeltalength);
  // Headers with times or states in them are met nowhere.
  if (
    [
      "ctsdeltalength",
      "dtsdeltalength",
      "randomaccessindication",
      "streamstateindication",
      "auxiliarydatasizelength",
    ].some((name) => Number(parameters[name]) > 0)
  )
    return undefined;
  const createReader = () => createAacReader({ config, sizeLength, indexLength, indexDeltaLength });
  return { track, payload, kind: "audio", type: 0x0f, codec: "AAC", createReader };
}

/** NAL units in base64, separated by commas (RFC 6184 §8.1, RFC 7798 §7.1). */
function readParameters(text = ""): Uint8Array[] {
  return text
    .split(",")
    .map((each) => new Uint8Array(Buffer.from(each, "base64")))
    .filter((unit) => unit.length > 2);
}

export interface MediaJoinOptions {
  readonly clock: Clock;
  /** Ends the waiting for packets that are missing. */
  readonly signal: AbortSignal;
  /** True where packets come in the order in which they were sent: one that is missing is not waited for. */
  readonly ordered: boolean;
  /** Takes whole packets of a transport stream. */
  readonly deliver: (packets: Uint8Array) => void;
}

/** Makes one transport stream of the packets of several tracks. */
export interface MediaJoin {
  push(packet: RtspPacket): void;
  /** Nothing more comes: what waits for missing packets waits no longer. */
  flush(): void;
  /** Packets lost, and frames left out because of that. */
  readonly counts: { readonly lost: number; readonly damaged: number };
}

/** Milliseconds for which a packet waits for those before it. */
const reorderTime = 50;
/** Ticks of 90 kHz at which the stream begins: what is shown before its first frame still has a time. */
const begin = 90_000;
/**
 * Sound is moved when the sender's clocks say that it is off by so many milliseconds, and by no more than so many. What
 * is not likely is believed when the next report says it again.
 */
const off = { least: 30, likely: 1000, most: 5000 } as const;

export function joinMedia(media: readonly MediaTrack[], o: MediaJoinOptions): MediaJoin {
  const { clock, signal, deliver } = o;
  const muxer = createMuxer(media.map(({ type, kind }) => ({ type, kind })));
  const started = { at: undefined as number | undefined };
  const readers = media.map((each, index) => readTrack(each, index));
  const byTrack = new Map(readers.map((reader) => [reader.track.index, reader]));
  let waiting = false;
  let synchronised = false;
  let doubted: number | undefined;

  function readTrack({ track, payload, kind, createReader }: MediaTrack, index: number) {
    const reader = createReader();
    const order = kind === "video" ? createDecodingOrder() : undefined;
    let timeline: ReturnType<typeof createRtpTimeline> | undefined;
    let ssrc: number | undefined;
    const read = (packet: RtpPacket) => {
      ssrc = packet.ssrc;
      for (const { bytes, timestamp, key } of reader.push(packet)) {
        const now = clock.monotonic();
        started.at ??= now;
        timeline ??= createRtpTimeline(payload.clockRate, begin + (now - started.at) * 90);
        const time = timeline.place(timestamp, now);
        const { pts, dts } = order ? order.place(time) : { pts: time, dts: time };
        deliver(muxer.write(index, { bytes, key, pts, dts }));
      }
    };
    const reorder = o.ordered ? undefined : createReorder<RtpPacket>(read, { time: reorderTime });
    const inOrder = createOrderedCount();
    return {
      track,
      kind,
      payload,
      reader,
      reorder,
      push(packet: RtpPacket): void {
        if (reorder) {
          reorder.push(packet.sequence, packet.ssrc, packet, clock.monotonic());
        } else {
          inOrder.note(packet);
          read(packet);
        }
      },
      get lost(): number {
        return reorder?.counts.lost ?? inOrder.lost;
      },
      /** Milliseconds by which the sender's wall clock is ahead of this stream's time. */
      ahead: undefined as number | undefined,
      report(bytes: Uint8Array): void {
        const report = parseSenderReport(bytes);
        const at = report && (ssrc === undefined || report.ssrc === ssrc) ? timeline?.at(report.timestamp) : undefined;
        if (report && at !== undefined) this.ahead = report.wall - at / 90;
      },
      move(ms: number): void {
        timeline?.move(ms * 90);
      },
    };
  }

  /** Sound follows the pictures, by what sender reports say of both (RFC 3550 §6.4.1). */
  function synchronise(reported: "video" | "audio"): void {
    const pictures = readers.find(({ kind }) => kind === "video");
    const sound = readers.find(({ kind }) => kind === "audio");
    if (pictures?.ahead === undefined || sound?.ahead === undefined) return;
    const late = sound.ahead - pictures.ahead;
    const amount = Math.abs(late);
    if (synchronised ? amount >= off.least : amount > off.likely) {
      if (reported === "audio") return;
      const again = doubted !== undefined && Math.abs(late - doubted) < off.least;
      doubted = late;
      if (!again || amount > off.most) return;
    }
    synchronised = true;
    doubted = undefined;
    if (amount < off.least) return;
    sound.move(late);
    sound.ahead -= late;
  }

  async function wait(): Promise<void> {
    while (readers.some(({ reorder }) => reorder && reorder.held > 0)) {
      await clock.sleep(reorderTime, signal);
      for (const { reorder } of readers) reorder?.expire(clock.monotonic());
    }
  }

  return {
    push({ track, control, bytes }) {
      const found = byTrack.get(track.index);
      if (!found) return;
      if (control) {
        found.report(bytes);
        return synchronise(found.kind);
      }
      const packet = parseRtp(bytes);
      if (packet?.payloadType !== found.payload.type || packet.payload.length === 0) return;
      found.push(packet);
      if (!found.reorder || found.reorder.held === 0 || waiting) return;
      waiting = true;
      wait().then(
        () => (waiting = false),
        () => {},
      );
    },
    flush() {
      for (const { reorder } of readers) reorder?.flush();
    },
    get counts() {
      const sum = (of: (reader: (typeof readers)[number]) => number) =>
        readers.reduce((all, each) => all + of(each), 0);
      return { lost: sum(({ lost }) => lost), damaged: sum(({ reader }) => reader.damaged) };
    },
  };
}

/** Counts what is missing of packets that come in the order in which they were sent. */
function createOrderedCount() {
  let next: number | undefined;
  let ssrc = 0;
  let lost = 0;
  return {
    note(packet: RtpPacket): void {
      const ahead = next === undefined || packet.ssrc !== ssrc ? 0 : (packet.sequence - next) & 0xffff;
      // Further than that it is a new beginning (RFC 3550 appendix A.1).
      if (ahead < 3000) lost += ahead;
      next = (packet.sequence + 1) & 0xffff;
      ssrc = packet.ssrc;
    },
    get lost() {
      return lost;
    },
  };
}
