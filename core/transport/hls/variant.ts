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
 * Variants that fit, best first: pictures before sound alone, then the most bits a second. One with its audio inside is
 * taken before it when it is not much worse, since joining two playlists takes a process; and always when there is none.
 * Empty when nothing can be joined.
 */
export function chooseVariants(multivariant: Multivariant, { maxBandwidth, remux }: Wishes): Choice[] {
  const { variants, renditions } = multivariant;
  const seen = variants.filter((variant) => !isSoundOnly(variant));
  const candidates = seen.length > 0 ? seen : variants;
  const fitting = candidates.filter(({ bandwidth }) => bandwidth <= (maxBandwidth ?? Number.POSITIVE_INFINITY));
  const left = (fitting.length > 0 ? fitting : leastOf(candidates)).toSorted(
    (one, other) => other.bandwidth - one.bandwidth,
  );
  const choices: Choice[] = [];
  for (let best = left[0]; best; best = left[0]) {
    const { bandwidth } = best;
    const whole = left.find((variant) => audioOf(variant, renditions) === undefined);
    const taken = whole && (!remux || whole.bandwidth * 2 >= bandwidth) ? whole : best;
    left.splice(left.indexOf(taken), 1);
    const audio = taken === whole ? undefined : audioOf(taken, renditions);
    choices.push(audio === undefined || audio === taken.uri ? { variant: taken.uri } : { variant: taken.uri, audio });
  }
  return choices;
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
