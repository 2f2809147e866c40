// What a plugin gave, looked at before core relies on it: its author reads a sentence, not a stack of ours.
import { HeadendError } from "./errors.ts";
import type { Channel, Contribution } from "./plugin.ts";
import type { GuideSource } from "./types.ts";

/** Channels beyond which a list is taken to be endless; the largest known ones have some hundred thousand. */
const most = 1_000_000;

/** @throws TypeError when it is none */
export function expectContribution(given: unknown): Contribution {
  if (typeof given === "object" && given !== null) return given as Contribution;
  throw new TypeError(`setup() gave ${tell(given)}; expected an object with what the plugin contributes`);
}

/** The channels as they come. @throws TypeError for what is none; HeadendError `instance.endless` */
export async function* expectChannels(given: AsyncIterable<Channel>): AsyncGenerator<Channel> {
  let count = 0;
  for await (const channel of given) {
    if (typeof channel !== "object" || channel === null)
      throw new TypeError(`channels() gave ${tell(channel)}; expected channels`);
    if (typeof channel.name !== "string")
      throw new TypeError(`channels() gave a channel whose name is ${tell(channel.name)}; expected a string`);
    if (++count > most) throw new HeadendError("instance.endless", { limit: most.toLocaleString("en-GB") });
    yield channel;
  }
}

/** @throws TypeError when it is no list */
export function expectSources(given: unknown): GuideSource[] {
  if (Array.isArray(given)) return given;
  throw new TypeError(`guide() gave ${tell(given)}; expected a list of sources`);
}

function tell(given: unknown): string {
  if (given === null || given === undefined) return String(given);
  return `a ${typeof given}`;
}
