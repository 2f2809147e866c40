// One source: its two halves asked one after the other, the last good copy of each kept in the cache.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { documentHead, documentTail, formatChannel } from "../../core/formats/xmltv/index.ts";
import type { Cache, Channel, Clock, Logger } from "../../core/plugin.ts";
import { type ReadGuide, readChannels, readGuide } from "./documents.ts";
import { type Ask, createHalfLog, type Good, type HalfLog, type HalfStatus } from "./half.ts";
import { oneLine } from "./streams.ts";

/** What a source is made of. */
export interface SourcePlan {
  /** Names it for ever: what is kept, and its channels' ids. Default: the name. */
  readonly key?: string | undefined;
  readonly name: string;
  readonly channels?: Ask | undefined;
  readonly guide?: Ask | undefined;
  /** Where a logo is found that is no http(s) address. */
  logo(path: string): string | undefined;
  /** The address of what `logo()` found, as it is now. */
  logoAddress(logo: string): string;
  readonly icon?: string | undefined;
}

export interface SourceStatus {
  readonly name: string;
  readonly channels?: HalfStatus;
  readonly guide?: HalfStatus;
}

export interface Source {
  readonly name: string;
  /** Asks both halves, or those that are not fresh; joins a round that is running. Neither promise rejects. */
  refresh(which: "all" | "stale"): Round;
  /** Resolves when no round is running any more. */
  rest(): Promise<void>;
  /** The latest round; begins one where there was none. */
  latest(): Round;
  /** The channels in use. */
  channels(): readonly Channel[];
  /** Why the last answer of a half did not come. */
  readonly errors: { readonly channels: unknown; readonly guide: unknown };
  readonly hasChannels: boolean;
  readonly hasGuide: boolean;
  /** True when it is known which channels have programmes on demand. */
  readonly knowsGuide: boolean;
  /** Its channels as XMLTV, so that the guide knows their names. @throws why they did not come */
  channelElements(): AsyncIterable<Uint8Array>;
  /** Its guide as XMLTV, once the round has brought it. @throws why it did not come */
  guide(): AsyncIterable<Uint8Array>;
  status(say: (error: unknown) => string): SourceStatus;
}

export interface Round {
  readonly channels: Promise<void>;
  readonly guide: Promise<void>;
}

export interface SourceOptions {
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Runs a few of many at a time. */
  limited<T>(work: () => Promise<T>): Promise<T>;
}

/** Milliseconds for which a half that came is left in peace while others are tried again. */
const freshFor = 600_000;

interface KeptChannels extends Good {
  readonly channels: readonly Channel[];
}

interface KeptGuide extends Good {
  readonly playable: readonly string[];
}

/** Reads what an earlier run kept. */
export async function createSource(plan: SourcePlan, o: SourceOptions): Promise<Source> {
  const { cache, clock, signal } = o;
  const key = createHash("sha256")
    .update(plan.key ?? plan.name)
    .digest("hex")
    .slice(0, 16);
  const keys = { channels: `channels/${key}.json`, guide: `guide/${key}.xml`, note: `guide/${key}.json` };
  let kept = await readKept<KeptChannels>(cache, keys.channels);
  let note = await readKept<KeptGuide>(cache, keys.note);
  const logs = {
    channels: createHalfLog(plan.channels?.how ?? "", clock, plan.channels && kept),
    guide: createHalfLog(plan.guide?.how ?? "", clock, plan.guide && note),
  };
  let running: Round | undefined;
  let latest: Round | undefined;

  const attempt = async (half: HalfLog, work: () => Promise<Good>) =>
    o.limited(async () => {
      half.begin();
      try {
        half.succeed(await work());
      } catch (error) {
        half.fail(signal.aborted ? signal.reason : error);
      }
    });

  async function askChannels(ask: Ask): Promise<Good> {
    const context = { source: plan.name, logo: plan.logo, icon: plan.icon, base: ask.base };
    const { channels, dropped, mended } = await readChannels(ask.bytes(signal), context);
    if (channels.length === 0) throw new SyntaxError(`it has no channels${describe(dropped)}`);
    const fresh = { at: clock.now(), count: channels.length, dropped, mended, channels };
    await cache.write(keys.channels, JSON.stringify(fresh));
    kept = fresh;
    return fresh;
  }

  async function askGuide(ask: Ask): Promise<Good> {
    let read: ReadGuide | undefined;
    const before = note?.count ?? 0;
    const document = readGuide(ask.bytes(signal), (guide) => {
      // An add-on that lost its own upstream says that there is nothing.
      if (guide.count === 0 && before > 0) throw new SyntaxError(`it has no programmes${describe(guide.dropped)}`);
      read = guide;
    });
    await cache.write(keys.guide, document);
    const fresh = { at: clock.now(), dropped: {}, playable: [], ...read };
    await cache.write(keys.note, JSON.stringify(fresh));
    note = fresh;
    return fresh;
  }

  function refresh(which: "all" | "stale"): Round {
    if (running) return running;
    const wanted = (half: HalfLog) => which === "all" || !half.fresh(freshFor);
    const ask = async (half: HalfLog, from: Ask | undefined, work: (from: Ask) => Promise<Good>) => {
      if (from && wanted(half)) await attempt(half, () => work(from));
    };
    const channels = ask(logs.channels, plan.channels, askChannels);
    const guide = channels.then(() => ask(logs.guide, plan.guide, askGuide));
    const round = { channels, guide };
    running = round;
    latest = round;
    guide.finally(() => {
      running = undefined;
    });
    return round;
  }

  return {
    name: plan.name,
    refresh,
    rest: async () => running?.guide,
    latest: () => latest ?? refresh("all"),
    channels() {
      if (!plan.channels) return [];
      const known = withIds(kept?.channels ?? [], plan.key ?? plan.name);
      return withCatchup(known, note?.playable ?? []).map((channel) =>
        channel.logo ? { ...channel, logo: plan.logoAddress(channel.logo) } : channel,
      );
    },
    get errors() {
      return { channels: logs.channels.error, guide: logs.guide.error };
    },
    hasChannels: plan.channels !== undefined,
    hasGuide: plan.guide !== undefined,
    get knowsGuide() {
      return plan.guide === undefined || note !== undefined;
    },
    async *channelElements() {
      if (logs.channels.error) throw logs.channels.error;
      const lines = (kept?.channels ?? []).flatMap(({ guideId, name, logo }) =>
        guideId
          ? [formatChannel({ id: guideId, name, number: "", ...(logo?.startsWith("http") && { logo }) }, "kodi")]
          : [],
      );
      yield new TextEncoder().encode(documentHead + lines.join("") + documentTail);
    },
    async *guide() {
      if (logs.guide.error) throw logs.guide.error;
      yield* createReadStream(cache.path(keys.guide), { highWaterMark: 1 << 18 });
    },
    status: (say) => ({
      name: plan.name,
      ...(plan.channels && { channels: logs.channels.status(say) }),
      ...(plan.guide && { guide: logs.guide.status(say) }),
    }),
  };
}

/** What cannot be read is as good as none. */
async function readKept<Kept extends Good>(cache: Cache, key: string): Promise<Kept | undefined> {
  try {
    return JSON.parse((await cache.read(key)) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/** Ids for ever: the source's name with the channel's id, or its name where it has none. */
function withIds(channels: readonly Channel[], source: string): Channel[] {
  const used = new Map<string, number>();
  return channels.map((channel) => {
    const own = `${oneLine(source)}/${oneLine(channel.guideId || channel.name)}`;
    const times = (used.get(own) ?? 0) + 1;
    used.set(own, times);
    return { ...channel, id: times === 1 ? own : `${own}/${times}` };
  });
}

/** Catch-up is said only of channels that have a programme to show for it. */
function withCatchup(channels: readonly Channel[], playable: readonly string[]): readonly Channel[] {
  const has = new Set(playable);
  return channels.map((channel) =>
    channel.guideId !== undefined && has.has(channel.guideId) && !channel.catchup
      ? { ...channel, catchup: { mode: "vod" } }
      : channel,
  );
}

function describe(dropped: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(dropped).map(([reason, n]) => `${n} ${reason}`);
  return reasons.length > 0 ? ` (${reasons.join(", ")})` : "";
}
