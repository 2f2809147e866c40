// What goes wrong with RTSP servers, as errors that callers can tell apart.
import { HeadendError } from "../../errors.ts";
import type { RtspResponse } from "../../formats/rtsp.ts";
import { redact } from "../../redact.ts";

/** The server answered a request with an error. */
export class RtspStatusError extends HeadendError {
  /** RFC 2326 §7.1.1: 404, 453, 454, 461, … */
  readonly rtspStatus: number;

  constructor(shown: string, method: string, { status, reason }: RtspResponse) {
    super("dial.refused", { url: shown, reason: sentence(method, status, reason) });
    this.rtspStatus = status;
  }
}

/** The server sends us elsewhere, after the session had begun. */
export class RtspRedirect extends HeadendError {
  readonly location: string;

  constructor(shown: string, location: string) {
    super("dial.refused", { url: shown, reason: "the server sends us elsewhere" });
    this.location = location;
  }
}

/** What comes is media by RTP that we do not read: somebody must remux it. */
export class RtspRemuxError extends HeadendError {
  readonly needsRemux = true;
  /** As the server names them: `H264`, `MPEG4-GENERIC`. */
  readonly video: string | undefined;
  readonly audio: string | undefined;

  constructor(shown: string, o: { readonly video: string | undefined; readonly audio: string | undefined }) {
    const named = [o.video, o.audio].filter((codec) => codec).map((codec) => redact(codec ?? ""));
    const list = named.length > 0 ? named.join(", ") : "nothing that it names";
    super("dial.content", { url: shown, reason: `it sends ${list} by RTP, and no transport stream` });
    this.video = o.video;
    this.audio = o.audio;
  }

  get codecs(): readonly string[] {
    return [this.video, this.audio].filter((codec) => codec !== undefined && codec !== "") as string[];
  }
}

function sentence(method: string, status: number, reason: string): string {
  if (status === 401) return "the server wants a user and a password that it knows";
  if (status === 403) return "the server does not let us in (403)";
  if (status === 404) return "the server has nothing of this name (404)";
  if (status === 453) return "the server has no bandwidth left (453)";
  const words = redact(reason)
    .replace(/\p{Cc}/gu, " ")
    .slice(0, 80)
    .trim();
  return `the server answered ${status}${words ? ` ${words}` : ""} to ${method}`;
}
