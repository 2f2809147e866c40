// Reads what upstream gives this time: applies the rules, and recognises channels while they come.
import type { Pause } from "../clock.ts";
import type { Channel } from "../types.ts";
import type { Recogniser } from "./identity.ts";
import { sameChannel } from "./output.ts";
import { paced } from "./paced.ts";
import { compileRules, type Ruled, type Rules } from "./rules.ts";

/** What upstream gave, after the rules. */
export interface Collected {
  /** In upstream's order; a channel that has not changed is the lineup's own, so that there is but one of it in memory. */
  readonly list: Channel[];
  readonly recogniser: Recogniser;
  /** Places of channels whose number is the user's own wish. */
  readonly pinned: ReadonlySet<number>;
  /** How many there were before the rules. */
  readonly given: number;
  readonly edited: boolean;
}

/** Reads all channels, one by one or in lists; `rules` are applied in order. */
export async function collect(
  source: AsyncIterable<Channel | readonly Channel[]>,
  recogniser: Recogniser,
  rules: readonly Rules[],
  signal: AbortSignal,
  pause: Pause,
): Promise<Collected> {
  const apply = rules.flatMap((r) => compileRules(r) ?? []);
  const list: Channel[] = [];
  const pinned = new Set<number>();
  let given = 0;
  let edited = false;
  const take = (channel: Channel) => {
    given++;
    let next: Channel | undefined = channel;
    let pin = false;
    for (const rule of apply) {
      const ruled: Ruled | undefined = next && rule(next);
      next = ruled?.channel;
      pin ||= ruled?.pinned ?? false;
    }
    edited ||= next !== channel;
    if (!next) return;
    if (pin) pinned.add(list.length);
    const live = recogniser.take(next);
    list.push(live && !pin && sameChannel(next, live) ? live : next);
  };
  for await (const one of source) {
    signal.throwIfAborted();
    const some = Array.isArray(one) ? (one as readonly Channel[]) : [one as Channel];
    await paced(some.length, pause, (place) => take(some[place] as Channel));
  }
  return { list, recogniser, pinned, given, edited };
}
