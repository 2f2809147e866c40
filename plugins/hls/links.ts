// Addresses below a channel's own, relative to the playlist that names them: they hold behind any proxy.
import { rewritingHls } from "../../core/formats/hls.ts";
import { unhurried } from "../../core/transport/unhurried.ts";

/** What leads from a request's address to what this plugin has below a channel, with a slash at its end. */
export function prefixOf(request: Request, channel: string, base: string): string {
  const below = `${encodeURIComponent(channel)}/m3u8/`;
  const rest = /^\w+:\/\/[^/]+\/live\/([^?#]+)/.exec(request.url)?.[1];
  if (rest === undefined) return `${base}/live/${below}`;
  return "../".repeat(rest.split("/").length - 1) + below;
}

/** A playlist of upstream's whose names are put below `prefix`; what is no name of ours stays. */
export async function moveNames(text: string, prefix: string): Promise<string> {
  if (prefix === "") return text;
  return await unhurried(rewritingHls(text, ({ uri }) => (/^[\w.-]+$/.test(uri) ? prefix + uri : uri)));
}

/** `moveNames()` once for all who ask for the same text in a row: of a day's timeshift that is megabytes. */
export function createMover(): typeof moveNames {
  let last: { readonly text: string; readonly prefix: string; readonly moved: Promise<string> } | undefined;
  return async (text, prefix) => {
    if (last?.text !== text || last.prefix !== prefix) last = { text, prefix, moved: moveNames(text, prefix) };
    return await last.moved;
  };
}
