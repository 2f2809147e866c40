// Chooses what of a multivariant playlist becomes the one transport stream.
import type { Multivariant, Rendition, Variant } from "../../formats/hls.ts";

export interface Choice {
  /** Address of the variant's playlist, as written. */
  readonly variant: string;
  /** Address of the playlist of its audio, when that is apart. */
  readonly audio?: string;
}

export interface Wishes {
  /** Bits a second. */
  readonly maxBandwidth?: number;
  /** Joins what is apart; absent: it cannot be. */
  readonly remux?: unknown;
}

/**
 * The best variant that fits: pictures before sound alone, then the most bits a second. One with its audio inside is
 * taken instead when it is not much worse, since joining two playlists takes a process; and always when there is none.
 */
export function chooseVariant(multivariant: Multivariant, { maxBandwidth, remux }: Wishes): Choice | undefined {
  const { variants, renditions } = multivariant;
  const seen = variants.filter((variant) => !isSoundOnly(variant));
  const candidates = seen.length > 0 ? seen : variants;
  const fitting = candidates.filter(({ bandwidth }) => bandwidth <= (maxBandwidth ?? Number.POSITIVE_INFINITY));
  const ordered = (fitting.length > 0 ? fitting : leastOf(candidates)).toSorted(
    (one, other) => other.bandwidth - one.bandwidth,
  );
  const best = ordered[0];
  if (!best) return undefined;
  const whole = ordered.find((variant) => audioOf(variant, renditions) === undefined);
  if (whole && (!remux || whole.bandwidth * 2 >= best.bandwidth)) return { variant: whole.uri };
  const audio = audioOf(best, renditions);
  return audio === undefined || audio === best.uri ? { variant: best.uri } : { variant: best.uri, audio };
}

function leastOf(variants: readonly Variant[]): readonly Variant[] {
  const least = Math.min(...variants.map(({ bandwidth }) => bandwidth));
  return variants.filter(({ bandwidth }) => bandwidth === least);
}

/** True when its codecs are known and none is of pictures (RFC 6381). */
function isSoundOnly({ codecs, resolution }: Variant): boolean {
  return (
    !resolution && codecs !== undefined && codecs.every((codec) => /^(?:mp4a|ac-[34]|ec-3|opus|fLaC|mp3)/i.test(codec))
  );
}

/** Where the audio is, when it is apart: a rendition without an address is in the variant itself (RFC 8216 §4.3.4.2.1). */
function audioOf({ audio }: Variant, renditions: readonly Rendition[]): string | undefined {
  const group = renditions.filter((each) => each.type === "AUDIO" && each.group === audio);
  const chosen = group.find((each) => each.default) ?? group.find((each) => each.autoselect) ?? group[0];
  return chosen?.uri;
}
