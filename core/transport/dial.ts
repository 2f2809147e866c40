// Opens any media address: a table from scheme to opener.
import { HeadendError } from "../errors.ts";
import type { Dial } from "../plugin.ts";
import { describeUrl } from "../redact.ts";
import type { DialContext, Opener } from "./context.ts";
import { createHttpOpener } from "./http.ts";
import { openMms, openRtmp, openRtspSomehow, openSrt, schemeOf, unknownScheme } from "./stream-protocols.ts";
import { openRtp, openUdp } from "./udp.ts";

/** What opens each scheme. */
function openersWith(http: Opener): Readonly<Record<string, Opener>> {
  return {
    http,
    https: http,
    udp: openUdp,
    rtp: openRtp,
    rtsp: openRtspSomehow,
    rtspt: openRtspSomehow,
    rtspu: openRtspSomehow,
    rtsps: openRtspSomehow,
    rtmp: openRtmp,
    rtmps: openRtmp,
    rtmpt: openRtmp,
    rtmpe: openRtmp,
    rtmpte: openRtmp,
    rtmpts: openRtmp,
    srt: openSrt,
    mms: openMms,
    mmsh: openMms,
    mmst: openMms,
  };
}

const ofFfmpeg = "it is a device of ffmpeg, not the address of a stream";

/** Schemes that read this machine or start something on it; an address from upstream must never do that. */
const forbidden: Readonly<Record<string, string>> = {
  file: "it would read files of this machine",
  exec: "it would start a program on this machine",
  pipe: ofFfmpeg,
  fd: ofFfmpeg,
  data: ofFfmpeg,
  concat: ofFfmpeg,
  concatf: ofFfmpeg,
  subfile: ofFfmpeg,
  crypto: ofFfmpeg,
  cache: ofFfmpeg,
  async: ofFfmpeg,
  unix: ofFfmpeg,
  tee: ofFfmpeg,
  lavfi: ofFfmpeg,
};

/** A list of addresses leads to one that is no list. */
const direct = chooseFrom(openersWith(createHttpOpener(undefined)));
const open = chooseFrom(openersWith(createHttpOpener(direct)));

/** Dials for one instance. */
export function createDial(context: DialContext): Dial {
  return async (url, options = {}) => {
    const signal = options.signal ? AbortSignal.any([context.signal, options.signal]) : context.signal;
    signal.throwIfAborted();
    return await open(url.trim(), { ...options, signal }, context);
  };
}

function chooseFrom(openers: Readonly<Record<string, Opener>>): Opener {
  return async (url, options, context) => {
    const scheme = schemeOf(url);
    const reason = Object.hasOwn(forbidden, scheme) ? forbidden[scheme] : undefined;
    if (reason !== undefined) throw new HeadendError("dial.forbidden", { url: describeUrl(url), reason });
    const opener = Object.hasOwn(openers, scheme) ? openers[scheme] : undefined;
    if (!opener) throw unknownScheme(url);
    return await opener(url, options, context);
  };
}
