// Gives ids and numbers to what upstream gave this time: those that its channels have, new ones to the new.
import type { Pause } from "../clock.ts";
import type { Logger } from "../plugin.ts";
import type { Channel, LineupChannel } from "../types.ts";
import type { Collected } from "./collect.ts";
import { type Departed, departedOf, IdMaker, isLive, localIdOf, usedIds } from "./identity.ts";
import type { Deliver } from "./keeper.ts";
import type { NumberBook, NumberRange } from "./numbers.ts";
import { publish, sameChannel } from "./output.ts";
import { paced } from "./paced.ts";
import type { Store } from "./store.ts";

export interface Settling {
  readonly instance: string;
  readonly collected: Collected;
  /** What the instance has in the lineup now. */
  readonly live: readonly LineupChannel[];
  /** What has left it before; what leaves now is added. In memory for good: some 300 bytes for each that ever left. */
  readonly departed: Departed[];
  readonly book: NumberBook;
  readonly range: NumberRange | undefined;
  /** How players get its pictures. */
  readonly deliver: Deliver;
  readonly store: Store;
  readonly log: Logger;
  /** Waits until new numbers may be given. */
  turn(): Promise<void>;
  readonly pause: Pause;
}

/** The channels, in upstream's order; what leaves is on disk before it is forgotten. The collected list becomes the result. */
export async function settle(s: Settling): Promise<LineupChannel[]> {
  const { instance, departed, book, log, pause } = s;
  const { list, recogniser, pinned } = s.collected;
  const { found, gone } = await recogniser.settle(list, departed, pause);
  let maker: IdMaker | undefined;
  const places: number[] = [];
  const ids: string[] = [];
  await paced(found.length, pause, (place) => {
    const known = found[place];
    // Most of a later refresh is settled already.
    if (known && known === list[place]) return;
    if (!known) maker ??= new IdMaker(usedIds(departed, s.live));
    places.push(place);
    ids.push(`${instance}:${known ? localIdOf(known) : maker?.make(list[place] as Channel)}`);
  });
  if (maker) await s.turn();
  const numbers = await book.give(
    (at) => {
      const place = places[at] as number;
      const has = found[place]?.number ?? "";
      return { id: ids[at] as string, has, wish: list[place]?.number, pinned: pinned.has(place) };
    },
    places.length,
    s.range,
    (r) => log.warn(`number ${r.wish} belongs to another channel; ${r.id} keeps ${r.has || "one of its own"}`),
    pause,
  );
  const leaving: Departed[] = [];
  await paced(gone.length, pause, (place) => {
    leaving.push(departedOf(gone[place] as LineupChannel));
  });
  await paced(places.length, pause, (at) => {
    const place = places[at] as number;
    const known = found[place];
    const number = numbers[at] as string;
    const live = known && isLive(known) ? known : undefined;
    if (live && live.number !== number) leaving.push(departedOf(live));
    const channel = list[place] as Channel;
    const same = live?.number === number && sameChannel(channel, live);
    list[place] = same ? live : publish(channel, instance, ids[at] as string, number, s.deliver);
  });
  await s.store.depart(instance, leaving);
  for (const one of leaving) departed.push(one);
  return list as LineupChannel[];
}
