// The sources that a Kodi's add-ons are: made when one comes, changed when it changes, gone when it goes.
import type { Source } from "../source.ts";
import type { AddOn } from "./add-on.ts";

export interface AddOnSources {
  readonly sources: readonly Source[];
  /** Ids that are wanted, of which no add-on was there the last time. */
  readonly missing: readonly string[];
  /** Takes the add-ons that there are now. */
  take(addOns: readonly AddOn[]): Promise<void>;
}

/** `ids`: only these. */
export function createAddOnSources(
  create: (addOn: AddOn) => Promise<Source>,
  ids: readonly string[] | undefined,
): AddOnSources {
  let known = new Map<string, { readonly text: string; readonly source: Source }>();
  let missing: readonly string[] = [];
  return {
    get missing() {
      return missing;
    },
    get sources() {
      return [...known.values()].map(({ source }) => source);
    },
    async take(addOns) {
      const wanted = addOns.filter(({ id }) => ids === undefined || ids.includes(id));
      const taken = await Promise.all(
        wanted.map(async (addOn) => {
          const text = JSON.stringify(addOn);
          const same = known.get(addOn.id);
          return [addOn.id, same?.text === text ? same : { text, source: await create(addOn) }] as const;
        }),
      );
      known = new Map(taken);
      missing = (ids ?? []).filter((id) => !known.has(id));
    },
  };
}
