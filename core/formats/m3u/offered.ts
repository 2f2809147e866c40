// How a playlist shows a channel whose pictures come from here: our address, our catch-up, nothing meant for upstream.
import type { Catchup, LineupChannel } from "../../types.ts";
import { type CatchupDialect, offerStream, type StreamOutput } from "../catchup.ts";
import { isKodiAddress } from "../kodi-address.ts";

/** How streams of ours are shown. */
export interface Offer {
  readonly dialect: CatchupDialect;
  readonly output: StreamOutput;
  /** Who asks, where that matters: channels that only Kodi can play are for nobody else. */
  readonly player?: "kodi" | undefined;
}

/** What an entry says of its stream. */
export interface ShownStream {
  readonly url: string;
  readonly catchup?: Catchup | undefined;
  /** Whether players meet nothing but this headend: then they get nothing that is for upstream. */
  readonly relayed: boolean;
}

/**
 * What a playlist says of a channel's stream, by its `deliver`: `direct`, and without an offer, as upstream has it.
 * `relay` gives our address and catch-up. `redirect` does, too, but since the player meets upstream in the end, it is to
 * have what upstream wants; it can be sent on to http and https only, other addresses are relayed. What only Kodi can play
 * is shown as upstream has it to Kodi, and has no address for others.
 */
export function shownStream(channel: LineupChannel, offer: Offer | undefined): ShownStream {
  const { url = "", catchup, deliver } = channel;
  if (offer && deliver !== "direct" && isKodiAddress(url))
    return { url: offer.player === "kodi" ? url : "", catchup, relayed: false };
  if (!offer || deliver === "direct") return { url, catchup, relayed: false };
  const shown = offerStream(channel, offer.dialect, offer.output, catchup ?? timeshiftPast(channel));
  return { url: shown.url, catchup: shown.catchup, relayed: deliver !== "redirect" || !/^https?:/i.test(url) };
}

const day = 86_400_000;

/** The past that is kept here; where players are sent on to upstream, only what is kept whoever watches. */
function timeshiftPast(channel: LineupChannel): { readonly days: number } | undefined {
  const { timeshift = 0, timeshiftWhen, deliver } = channel;
  if (timeshift === 0 || (deliver === "redirect" && timeshiftWhen !== "always")) return undefined;
  // Days are all that a playlist can say.
  return { days: Math.ceil(timeshift / day) };
}

/** Whether a directive tells a player how to treat upstream's stream. */
export function isForUpstream(directive: string): boolean {
  return /^\s*#(EXTVLCOPT|EXTHTTP|KODIPROP|WEBPROP)/i.test(directive);
}
