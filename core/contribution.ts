// What a plugin gave, looked at before core relies on it: its author reads a sentence, not a stack of ours.
import { HeadendError } from "./errors.ts";
import type { Channel, Contribution } from "./plugin.ts";
import type { GuideSource } from "./types.ts";

/** Channels beyond which a list is taken to be endless; the largest known ones have some hundred thousand. */
const most = 1_000_000;

const texts = ["id", "url", "guideId", "guideName", "number", "logo"] as const;
const records = ["headers", "catchup", "properties", "attributes"] as const;

function wrong(key: string, value: unknown, expected: string): TypeError {
  return new TypeError(`channels() gave a channel whose ${key} is ${tell(value)}; expected ${expected}`);
}

/** @throws TypeError when it is none */
export function expectContribution(given: unknown): Contribution {
  if (typeof given === "object" && given !== null) {
    const contribution = given as Contribution;
    for (const [name, job] of Object.entries(contribution.jobs ?? {})) {
      if (typeof job?.run === "function" && Number.isFinite(job.every) && job.every >= 1000) continue;
      throw new TypeError(`job ${name}: expected run() and every, in milliseconds, at least 1000`);
    }
    return contribution;
  }
  throw new TypeError(`setup() gave ${tell(given)}; expected an object with what the plugin contributes`);
}

/** The channels as they come, in lists. @throws TypeError for what is none; HeadendError `instance.endless` */
export async function* expectChannels(
  given: AsyncIterable<Channel | readonly Channel[]>,
): AsyncGenerator<readonly Channel[]> {
  let count = 0;
  for await (const one of given) {
    const list = Array.isArray(one) ? (one as readonly Channel[]) : [one as Channel];
    for (const channel of list) expectChannel(channel);
    count += list.length;
    if (count > most) throw new HeadendError("instance.endless", { limit: most.toLocaleString("en-GB") });
    yield list;
  }
}

function expectChannel(channel: Channel): void {
  if (typeof channel !== "object" || channel === null)
    throw new TypeError(`channels() gave ${tell(channel)}; expected channels`);
  if (typeof channel.name !== "string") throw wrong("name", channel.name, "a string");
  // Each by its name: this is done for every channel of every refresh.
  const { id, url, guideId, guideName, number, logo, headers, catchup, properties, attributes } = channel;
  if (!isText(id) || !isText(url) || !isText(guideId) || !isText(guideName) || !isText(number) || !isText(logo)) {
    for (const key of texts) if (!isText(channel[key])) throw wrong(key, channel[key], "a string");
  }
  if (channel.groups !== undefined && !Array.isArray(channel.groups)) throw wrong("groups", channel.groups, "a list");
  if (channel.guideShift !== undefined && !Number.isFinite(channel.guideShift))
    throw wrong("guideShift", channel.guideShift, "milliseconds");
  if (channel.timeshift !== undefined && !Number.isFinite(channel.timeshift))
    throw wrong("timeshift", channel.timeshift, "milliseconds");
  if (!isRecord(headers) || !isRecord(catchup) || !isRecord(properties) || !isRecord(attributes)) {
    for (const key of records) if (!isRecord(channel[key])) throw wrong(key, channel[key], "an object");
  }
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isRecord(value: unknown): boolean {
  return value === undefined || (typeof value === "object" && value !== null);
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
