// What playlists say of the streams here: their addresses, and how their past is asked for, in the dialect of the player.
import type { Catchup, Channel } from "../../types.ts";
import { channelPath } from "../channel-path.ts";
import { playseekSource, spanSource } from "./template.ts";

/** The dialects in which catch-up can be offered; `timeshift` is `shift`, `fs` is `flussonic-ts` by other names. */
export const catchupDialects = [
  "flussonic-ts",
  "flussonic-hls",
  "flussonic",
  "fs",
  "shift",
  "timeshift",
  "default",
  "append",
  "xc",
  "playseek",
] as const;

/** A dialect in which catch-up can be offered. */
export type CatchupDialect = (typeof catchupDialects)[number];

/** What the addresses give: a transport stream, or HLS. */
export type StreamOutput = "ts" | "m3u8";

/** What a playlist says of a stream. Addresses begin with `/`: the base of this headend goes in front. */
export interface StreamOffer {
  readonly url: string;
  /** Absent when there is no past. */
  readonly catchup?: Catchup;
}

/**
 * The address of a channel's stream here, and its catch-up in a dialect.
 *
 * Players that make the address of the past from that of the stream get one that they can make it from, for every channel of
 * the playlist, so that it stays when the channel's catch-up comes or goes: `/live/<id>/mpegts` or `/live/<id>/index.m3u8`
 * for the flussonic dialects, `/live/xc/xc/<id>` for `xc` (where the base has a path of its own, pvr.iptvsimple makes
 * nothing of it). Others find the way in the source. `flussonic-hls` is HLS, `flussonic-ts` and `fs` are not; the
 * others as `output` says.
 *
 * @param past what is said of the channel's past; default: its own catch-up, whose days are kept
 * @example offerStream({ id: "tdt:la1", catchup: { mode: "shift" } }, "flussonic-ts", "ts").url // "/live/tdt:la1/mpegts"
 */
export function offerStream(
  channel: Pick<Channel, "catchup"> & { readonly id: string },
  dialect: CatchupDialect,
  output: StreamOutput,
  past: { readonly days?: number } | undefined = channel.catchup,
): StreamOffer {
  const path = channelPath(channel.id);
  const url = addressOf(path, dialect, output);
  if (!past) return { url };
  const days = past.days === undefined ? {} : { days: past.days };
  return { url, catchup: { ...catchupOf(path, url, dialect, output), ...days } };
}

function addressOf(path: string, dialect: CatchupDialect, output: StreamOutput): string {
  if (isFlussonic(dialect)) return `/live/${path}/${isHls(dialect, output) ? "index.m3u8" : "mpegts"}`;
  // A dot would end the id there; without an extension it is a transport stream.
  if (dialect === "xc") return `/live/xc/xc/${hideDots(path)}${output === "ts" ? "" : ".m3u8"}`;
  return `/live/${path}.${output}`;
}

function catchupOf(path: string, url: string, dialect: CatchupDialect, output: StreamOutput): Catchup {
  if (isFlussonic(dialect)) {
    // Known by its length, a past in HLS can be seeked in.
    if (isHls(dialect, output)) {
      const mode = dialect === "flussonic" ? dialect : "flussonic-hls";
      return { mode, source: `/live/${path}/archive-\${start}-\${duration}.m3u8` };
    }
    return { mode: dialect, source: `/live/${path}/timeshift_abs-\${start}.ts` };
  }
  switch (dialect) {
    case "default":
      return { mode: dialect, source: url + spanSource };
    case "append":
      return { mode: dialect, source: spanSource };
    case "xc":
      return {
        mode: dialect,
        source: `/timeshift/xc/xc/{duration:60}/{Y}-{m}-{d}:{H}-{M}/${hideDots(path)}.${output}`,
      };
    case "playseek":
      return { mode: "append", source: playseekSource };
    default:
      return { mode: dialect };
  }
}

function isFlussonic(dialect: CatchupDialect): boolean {
  return dialect.startsWith("flussonic") || dialect === "fs";
}

function isHls(dialect: CatchupDialect, output: StreamOutput): boolean {
  return output === "m3u8" || dialect === "flussonic-hls";
}

function hideDots(path: string): string {
  return path.replaceAll(".", "%2E");
}
