// How one instance's channels get into the lineup: as its plugin gives them, with what its config says of all of them.
import type { InstanceConfig } from "./config/index.ts";
import { expectChannels } from "./contribution.ts";
import type { InstanceHost } from "./host.ts";
import type { LineupKeeper, UpdateResult } from "./lineup/index.ts";
import type { NumberRange } from "./lineup/numbers.ts";
import type { Rules } from "./lineup/rules.ts";
import type { Contribution } from "./plugin.ts";
import { reasonOf } from "./reason.ts";
import type { Channel } from "./types.ts";

export interface ChannelReadingOptions {
  readonly lineup: LineupKeeper;
  /** The lineup's own rules, applied after the instance's. */
  readonly rules: () => Rules;
  readonly range: () => NumberRange | undefined;
  /** As it is now. */
  config(): InstanceConfig;
}

/** What of a contribution makes channels. */
export type Listing = Pick<Contribution, "channels" | "version" | "playlist" | "mayBeEmpty">;

/** One attempt; `anew`: even if upstream says that nothing has changed. */
export function readChannels(
  o: ChannelReadingOptions,
  contribution: Listing,
  signal: AbortSignal,
  anew: boolean,
): Promise<UpdateResult> {
  const { name, rules, streams, fingerprint } = o.config();

  /** What a channel does not say of its timeshift, the instance does. */
  async function* listChannels(): AsyncGenerator<readonly Channel[]> {
    const { timeshift } = streams;
    const given = expectChannels((contribution.channels as NonNullable<Contribution["channels"]>)(signal));
    if (Object.keys(timeshift).length === 0) yield* given;
    else for await (const list of given) yield list.map((channel) => ({ ...timeshift, ...channel }));
  }

  async function nameChannels(s: AbortSignal): Promise<string | undefined> {
    const version = await contribution.version?.(s);
    return version === undefined ? undefined : `${fingerprint} ${version}`;
  }

  return o.lineup.update(name, listChannels(), {
    rules: [rules, o.rules()],
    range: o.range(),
    mayBeEmpty: contribution.mayBeEmpty === true,
    original: contribution.playlist && (() => contribution.playlist?.()),
    signal,
    version: anew ? undefined : nameChannels,
  });
}

/** Makes the next refresh begin from nothing, as far as that can be had. */
export async function forget({ fetch, log }: InstanceHost, contribution: Contribution): Promise<void> {
  await fetch.clean().catch((e) => log.warn(`the cache could not be emptied: ${reasonOf(e)}`));
  try {
    await contribution.forget?.();
  } catch (error) {
    log.warn(`forget() failed: ${reasonOf(error)}`);
  }
}
