// Openers for what ffmpeg alone speaks: RTMP, SRT, MMS, and RTSP without a transport stream in it.
import { HeadendError } from "../errors.ts";
import type { MediaWish } from "../plugin.ts";
import { describeUrl } from "../redact.ts";
import type { Source } from "../types.ts";
import type { DialContext, Opener, OpenOptions } from "./context.ts";
import { openByFfmpeg } from "./ffmpeg.ts";
import type { Recoding } from "./ffmpeg-codecs.ts";
import { isSecret } from "./ffmpeg-input.ts";
import { openRtsp, parseRtspAddress, type RtspAddress, RtspRemuxError } from "./rtsp.ts";

/** What each kind of RTMP is made of in ffmpeg. */
const rtmpProtocols: Readonly<Record<string, readonly string[]>> = {
  rtmp: ["rtmp", "tcp"],
  rtmps: ["rtmps", "rtmp", "tls", "tcp"],
  rtmpt: ["rtmpt", "rtmp", "ffrtmphttp", "http", "tcp"],
  rtmpe: ["rtmpe", "rtmp", "ffrtmpcrypt", "tcp"],
  rtmpte: ["rtmpte", "rtmp", "ffrtmpcrypt", "ffrtmphttp", "http", "tcp"],
  rtmpts: ["rtmpts", "rtmp", "ffrtmphttp", "https", "http", "tls", "tcp"],
};

/** Words that playlists write after an RTMP address, as librtmp takes them, and ffmpeg's names for them. */
const rtmpWords: Readonly<Record<string, string>> = {
  playpath: "rtmp_playpath",
  app: "rtmp_app",
  swfurl: "rtmp_swfurl",
  swfvfy: "rtmp_swfverify",
  pageurl: "rtmp_pageurl",
  tcurl: "rtmp_tcurl",
  flashver: "rtmp_flashver",
  conn: "rtmp_conn",
};

/** `rtmp://host/app/stream`, also with words after it: `rtmp://host/app playpath=stream swfUrl=… live=1`. */
export const openRtmp: Opener = (address, options, context) => {
  const [url = "", ...words] = address.trim().split(/\s+/);
  const given: Record<string, string> = {};
  for (const word of words) {
    const sign = word.indexOf("=");
    const name = rtmpWords[word.slice(0, sign).toLowerCase()];
    if (name) given[name] = word.slice(sign + 1);
    else if (/^live=(?:1|true)$/i.test(word)) given.rtmp_live = "live";
  }
  const protocols = rtmpProtocols[schemeOf(url)] ?? [];
  return openByFfmpeg({ url, protocols, options: given }, options, context);
};

/**
 * SRT carries transport streams, which are handed through unchanged. With a passphrase or the like in its address
 * they are remuxed instead: the way that hides the address has no other.
 */
export const openSrt: Opener = (url, options, context) => {
  const address = { url, protocols: ["srt"] };
  if (isSecret(address)) return openByFfmpeg(address, options, context, { map: ["-map", "0", "-copy_unknown"] });
  return openByFfmpeg({ ...address, format: "data" }, options, context, { raw: true });
};

/** MMS, over HTTP first, as most servers that are left speak that. */
export const openMms: Opener = async (url, options, context) => {
  const scheme = schemeOf(url);
  const rest = url.slice(scheme.length);
  const overHttp = () => openByFfmpeg({ url: `mmsh${rest}`, protocols: ["mmsh", "http", "tcp"] }, options, context);
  const overTcp = () => openByFfmpeg({ url: `mmst${rest}`, protocols: ["mmst", "tcp"] }, options, context);
  if (scheme === "mmsh") return await overHttp();
  if (scheme === "mmst") return await overTcp();
  try {
    return await overHttp();
  } catch (error) {
    if (!(error instanceof HeadendError) || error.code !== "dial.ffmpeg") throw error;
    return await overTcp();
  }
};

/** RTSP by our own client, and by ffmpeg for media that come without a transport stream. */
export const openRtspSomehow: Opener = async (url, options, context) => {
  try {
    return await openRtsp(url, options, context);
  } catch (error) {
    if (!(error instanceof RtspRemuxError)) throw error;
    context.log.debug("ffmpeg is asked to remux it", { url: describeUrl(url), codecs: error.codecs.join(" ") });
    const codecs = error.codecs.join(" and ");
    const source = await openRtspByFfmpeg(url, options, context, recodingOf(error, options.media));
    return source.kind === "ts" ? { ...source, how: `${source.how} of rtsp with ${codecs}` } : source;
  }
};

/** What a description tells of what must be transcoded. */
function recodingOf({ video, audio }: RtspRemuxError, wish: MediaWish | undefined): Recoding | undefined {
  if (!wish) return undefined;
  const silent = wish.audio === "off";
  return {
    silent,
    // A transport stream has no place for pictures one by one.
    video: /^JPEG$/i.test(video ?? "") || (wish.video === "h264" && !!video && !/^H264$/i.test(video)),
    audio:
      !silent &&
      wish.audio !== "copy" &&
      !!audio &&
      (wish.audio === "aac" || !/^(?:MPEG4-GENERIC|MP4A-LATM)$/i.test(audio)),
  };
}

async function openRtspByFfmpeg(
  url: string,
  options: OpenOptions,
  context: DialContext,
  recoding?: Recoding,
): Promise<Source> {
  const parsed = parseRtspAddress(url);
  const protocols = ["rtsp", "rtp", "udp", "tcp", "tls"];
  const plain = typeof parsed === "string" ? url : withCredentials(parsed);
  const by = (carrier: string) =>
    openByFfmpeg({ url: plain, protocols, options: { rtsp_transport: carrier, ...checks } }, options, context, {
      ...(recoding ? { recoding } : {}),
    });
  const tls = typeof parsed === "string" ? undefined : parsed.tls;
  if (tls?.fingerprint)
    throw new HeadendError("dial.refused", {
      url: describeUrl(url),
      reason: "it needs ffmpeg, which knows no certificate by its SHA-256",
    });
  const checks = tls?.check ? { tls_verify: "1" } : {};
  const wanted = typeof parsed === "string" ? "auto" : tls ? "tcp" : parsed.transport;
  if (wanted !== "auto") return await by(wanted);
  try {
    return await by("tcp");
  } catch (error) {
    // There are servers that know UDP only.
    if (!(error instanceof HeadendError) || !/461|Nonmatching transport/i.test(error.message)) throw error;
    return await by("udp");
  }
}

/** The address as ffmpeg reads it, which takes the first `@` for the end of the password. */
function withCredentials({ url, credentials }: RtspAddress): string {
  if (!credentials) return url;
  const { user, password } = credentials;
  return url.replace("://", () => `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
}

/** The scheme of an address in lower case; empty when it has none. */
export function schemeOf(url: string): string {
  return /^\s*([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
}

/** An error for an address whose scheme nothing here opens. */
export function unknownScheme(url: string): HeadendError {
  const scheme = schemeOf(url);
  const shown = describeUrl(url);
  if (scheme === "") return new HeadendError("dial.refused", { url: shown, reason: "this is not an address" });
  return new HeadendError("dial.scheme", { url: shown, scheme });
}
