// The channels of a device: what it was told to select of the lineup, with what its clients have set on them.
import { isKodiAddress } from "../../core/formats/kodi-address.ts";
import { compileSelector, type Selector } from "../../core/formats/selector.ts";
import type { Cache, Lineup, LineupChannel, Logger } from "../../core/plugin.ts";
import { readRange } from "./config.ts";

/** What a client may set on a channel: shown first, or not shown. */
export type Mark = "favourite" | "hidden";

export interface DeviceChannel {
  readonly channel: LineupChannel;
  readonly mark: Mark | undefined;
}

export interface Selection {
  readonly include?: readonly Selector[] | undefined;
  readonly exclude?: readonly Selector[] | undefined;
  readonly range?: string | undefined;
  readonly first?: number | undefined;
}

export interface DeviceChannels {
  /** All that are selected, in order of number; the same list until something changes. */
  all(): readonly DeviceChannel[];
  /** By the number it is dialled with. */
  byNumber(number: string): LineupChannel | undefined;
  /** By the lineup's id. */
  byId(id: string): LineupChannel | undefined;
  /** Names what `all()` gives. */
  readonly version: number;
  /** Names which channels those are, whatever is set on them. */
  readonly selected: number;
  /** True when this is the whole lineup. */
  readonly whole: boolean;
  /** Sets or takes away a mark. False: no channel has this number. */
  mark(number: string, mark: Mark | undefined): Promise<boolean>;
}

const key = "marks.json";
/** More than a lineup has: nobody fills the disk by marking. */
const mostMarks = 10_000;

/** Channels that Plex is known to take from one device. */
export const mostForPlex = 480;

export async function createDeviceChannels(o: {
  readonly lineup: Lineup;
  readonly cache: Cache;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly selection: Selection;
  /** After every change. */
  changed(): void;
}): Promise<DeviceChannels> {
  const select = compileSelection(o.selection);
  // By the channel's id: its number may be another one day.
  const marks = parseMarks(await o.cache.read(key));
  let list: readonly DeviceChannel[] | undefined;
  let byNumber = new Map<string, LineupChannel>();
  let version = 0;
  let chosen = 0;
  /** Writes of the marks, one after the other: the last is what counts. */
  let writing: Promise<unknown> = Promise.resolve();
  let warned = false;

  function forget(): void {
    list = undefined;
    version++;
    o.changed();
  }
  o.lineup.onChange(() => {
    chosen++;
    forget();
  }, o.signal);

  function all(): readonly DeviceChannel[] {
    if (list) return list;
    const selected = select(o.lineup.channels());
    list = selected.map((channel) => ({ channel, mark: marks.get(channel.id) }));
    byNumber = new Map(selected.map((channel) => [channel.number, channel]));
    if (list.length > mostForPlex && !warned)
      o.log.warn(
        `this device has ${list.length} channels; Plex is known to fail above ${mostForPlex}: leave some out with include or range, and give the others to a further instance of hdhomerun with a port of its own`,
      );
    warned = list.length > mostForPlex;
    return list;
  }

  return {
    all,
    byNumber(number) {
      all();
      return byNumber.get(number);
    },
    byId(id) {
      const channel = o.lineup.get(id);
      if (!channel) return undefined;
      all();
      return byNumber.get(channel.number);
    },
    get version() {
      return version;
    },
    get selected() {
      return chosen;
    },
    whole: Object.values(o.selection).every((part) => part === undefined),
    async mark(number, mark) {
      all();
      const channel = byNumber.get(number);
      if (!channel) return false;
      if (marks.get(channel.id) === mark) return true;
      if (mark) marks.set(channel.id, mark);
      else marks.delete(channel.id);
      for (const oldest of marks.keys()) {
        if (marks.size <= mostMarks) break;
        marks.delete(oldest);
      }
      forget();
      const written = writing.then(() => o.cache.write(key, `${JSON.stringify(Object.fromEntries(marks))}\n`));
      writing = written.catch(() => {});
      await written;
      return true;
    },
  };
}

function compileSelection({ include, exclude, range, first }: Selection) {
  const wanted = include?.map(compileSelector);
  const unwanted = exclude?.map(compileSelector) ?? [];
  const numbers = range === undefined ? undefined : readRange(range);
  return (channels: readonly LineupChannel[]): readonly LineupChannel[] => {
    const selected = channels.filter((channel) => {
      // No tuner gives what only Kodi can play.
      if (isKodiAddress(channel.url)) return false;
      const major = Math.trunc(Number(channel.number));
      if (numbers && (major < numbers.from || major > numbers.to)) return false;
      if (wanted && !wanted.some((selects) => selects(channel))) return false;
      return !unwanted.some((selects) => selects(channel));
    });
    return first === undefined ? selected : selected.slice(0, first);
  };
}

function parseMarks(text: string | undefined): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  try {
    for (const [id, mark] of Object.entries(JSON.parse(text ?? "{}") as Readonly<Record<string, unknown>>))
      if (mark === "favourite" || mark === "hidden") marks.set(id, mark);
  } catch {
    // What cannot be read is as good as none.
  }
  return marks;
}
