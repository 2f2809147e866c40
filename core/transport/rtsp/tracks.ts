// The tracks of a session, as its description lists them.
import { headerOf, type RtspResponse } from "../../formats/rtsp.ts";
import {
  attributeOf,
  parseSdp,
  payloadsOf,
  type SdpMedia,
  type SdpPayload,
  type SessionDescription,
} from "../../formats/sdp.ts";
import { resolveControl } from "./address.ts";

export interface RtspTrack {
  /** Its place in the description, from 0. */
  readonly index: number;
  /** `video`, `audio`, `application`, … */
  readonly kind: string;
  /** The address of its SETUP. */
  readonly control: string;
  readonly payloads: readonly SdpPayload[];
  /** What the description says of it; absent when there is none. */
  readonly medium?: SdpMedia;
}

export interface Described {
  readonly sdp: SessionDescription;
  /** The address of PLAY and TEARDOWN. */
  readonly control: string;
  readonly tracks: readonly RtspTrack[];
}

/** What a session is without a description: one track, controlled by the address itself. */
export function undescribed(url: string): Described {
  const sdp = { name: "", times: [], bandwidths: [], attributes: [], media: [] };
  return { sdp, control: url, tracks: [{ index: 0, kind: "video", control: url, payloads: [] }] };
}

/** Reads the answer to DESCRIBE of an address. */
export function readDescription(response: RtspResponse, url: string): Described {
  const sdp = parseSdp(new TextDecoder().decode(response.body));
  const said = headerOf(response.headers, "content-base") || headerOf(response.headers, "content-location") || "";
  const base = /^rtsp[a-z]?:\/\/./i.test(said) ? said : url;
  const control = resolveControl(base, attributeOf(sdp, "control"));
  const tracks = sdp.media.map((medium, index) => ({
    index,
    kind: medium.kind,
    // Relative ones follow the base: the session's own control address may be another (RFC 2326 §C.1.1).
    control: resolveControl(base, attributeOf(medium, "control")),
    payloads: payloadsOf(medium),
    medium,
  }));
  return { sdp, control, tracks };
}

/** True for a track that carries a transport stream, in RTP or as it is. */
export function carriesTransportStream({ payloads, medium }: RtspTrack): boolean {
  return (
    payloads.some(({ encoding }) => /^MP2T$/i.test(encoding)) || isRaw(medium) || /MP2T/i.test(medium?.protocol ?? "")
  );
}

/** True where the description says that there is no RTP. */
export function isRaw(medium: SdpMedia | undefined): boolean {
  return medium !== undefined && /^(?:udp|MP2T\/H2221\/UDP|RAW\/RAW\/UDP)$/i.test(medium.protocol);
}
