// One state of a media playlist: what viewers see of it, and where the parts that it names are.
import {
  expandVariables,
  type Key,
  type MediaMap,
  type MediaPlaylist,
  parsingHls,
  rewritingHls,
} from "../../formats/hls.ts";
import { itemsPerStep, type Steps } from "../../formats/steps.ts";
import { unhurried } from "../unhurried.ts";
import { extensionOf, hashOf } from "./names.ts";
import type { Address, Fetched } from "./upstream.ts";

/** A playlist that viewers may have, and the parts that they may then ask for. */
export interface Snapshot {
  readonly playlist: MediaPlaylist;
  /** Steps when upstream begins to count anew: names with another are other segments. */
  readonly epoch: number;
  /** The playlist as viewers get it. Made when somebody wants it: a stream that is only joined has no viewers of playlists. */
  text(): Promise<string>;
  /** Where a segment, key or map is, by its name. */
  readonly addresses: ReadonlyMap<string, Address>;
  /** The name of each segment by its media sequence number. */
  readonly names: ReadonlyMap<number, Named>;
}

/** How the parts are called that a segment is made of. */
export interface Named {
  readonly segment: string;
  /** Of its keys, in order; undefined for those that are not for us. */
  readonly keys: readonly (string | undefined)[];
  readonly map?: string;
  /** Addresses of keys and map without what follows the `?`: the same ones, whatever their tokens. */
  readonly paths: readonly string[];
}

export interface SnapshotSetup {
  /** Of the rendition. */
  readonly name: string;
  readonly fetched: Fetched;
  readonly epoch: number;
  /** Variables that the multivariant playlist defines. */
  readonly variables: ReadonlyMap<string, string>;
  /** Of the same epoch. */
  readonly before?: Snapshot | undefined;
}

/** Names what a playlist names, in steps; undefined when it is none of segments. */
export function* takeSnapshot(setup: SnapshotSetup): Steps<Snapshot | undefined> {
  const { name, fetched, epoch, variables, before } = setup;
  const { text } = expandVariables(fetched.text, fetched.url, variables);
  const playlist = text === fetched.text ? fetched.playlist : yield* parsingHls(text);
  if (playlist.kind !== "media") return undefined;
  const prefix = epoch === 0 ? name : `${name}r${epoch}`;
  const addresses = new Map<string, Address>();
  const names = new Map<number, Named>();
  // By what they are called in this playlist: keys by address, maps by address and range.
  const called = new Map<string, string>();

  const call = (id: string, known: string | undefined, mark: string, extension: string): string => {
    const given = called.get(id) ?? known ?? `${mark}${hashOf(id)}.${extension}`;
    called.set(id, given);
    return given;
  };
  for (const segment of playlist.segments) {
    if (names.size % itemsPerStep === itemsPerStep - 1) yield;
    const known = before?.names.get(segment.sequence);
    const paths: string[] = [];
    const same = (url: string, name: string | undefined) => {
      const path = url.replace(/[?#].*$/s, "");
      paths.push(path);
      return known?.paths[paths.length - 1] === path ? name : undefined;
    };
    const keys = segment.keys.map((key, index) => {
      const url = addressOfKey(key, fetched.url);
      if (url === undefined) return undefined;
      const named = call(url, same(url, known?.keys[index]), "k", "key");
      addresses.set(named, { url });
      return named;
    });
    const map = segment.map && addressOfMap(segment.map, fetched.url);
    let mapName: string | undefined;
    if (map) {
      mapName = call(idOf(map), same(map.url, known?.map), "m", extensionOf(map.url, "mp4"));
      addresses.set(mapName, map);
      for (const key of segment.map?.keys ?? []) {
        const url = addressOfKey(key, fetched.url);
        if (url !== undefined) addresses.set(call(url, undefined, "k", "key"), { url });
      }
    }
    const url = resolve(segment.uri, fetched.url);
    const named = `${prefix}-${segment.sequence}.${extensionOf(url ?? "", map ? "m4s" : "ts")}`;
    if (url !== undefined) addresses.set(named, segment.range ? { url, range: segment.range } : { url });
    names.set(segment.sequence, { segment: named, keys, paths, ...(mapName === undefined ? {} : { map: mapName }) });
  }
  keepRecent(playlist, before, addresses, names);

  let written: Promise<string> | undefined;
  return {
    playlist,
    epoch,
    addresses,
    names,
    text() {
      written ??= unhurried(write(text, fetched.url, playlist, names, called));
      return written;
    },
  };
}

/** What has just left the playlist is asked for yet by those who have the one before (RFC 8216 §6.2.2). */
function keepRecent(
  playlist: MediaPlaylist,
  before: Snapshot | undefined,
  addresses: Map<string, Address>,
  names: Map<number, Named>,
): void {
  if (!before) return;
  const first = playlist.sequence - Math.max(playlist.segments.length, 3);
  for (const [sequence, named] of before.names) {
    if (sequence < first || names.has(sequence)) continue;
    names.set(sequence, named);
    for (const name of [named.segment, named.map, ...named.keys]) {
      const address = name === undefined ? undefined : before.addresses.get(name);
      if (name !== undefined && address && !addresses.has(name)) addresses.set(name, address);
    }
  }
}

function write(
  text: string,
  base: string,
  playlist: MediaPlaylist,
  names: ReadonlyMap<number, Named>,
  called: ReadonlyMap<string, string>,
): Steps<string> {
  return rewritingHls(
    text,
    ({ uri, tag, attributes, index }) => {
      if (tag === "") {
        const segment = playlist.segments[index];
        return segment && names.get(segment.sequence)?.segment;
      }
      const url = resolve(uri, base);
      if (tag === "#EXT-X-MAP" && url !== undefined) {
        const [length, offset = "0"] = attributes.get("BYTERANGE")?.split("@") ?? [];
        return called.get(idOf({ url, ...(length && { range: { length: Number(length), offset: Number(offset) } }) }));
      }
      // What is not for us to fetch, a licence for instance, stays what it is.
      if (url === undefined) return uri;
      if (tag === "#EXT-X-KEY") return isPlain(attributes.get("KEYFORMAT")) ? called.get(url) : url;
      return url;
    },
    { whole: true },
  );
}

function isPlain(format: string | undefined): boolean {
  return format === undefined || format === "identity";
}

/** Where a key is, when it is a key and not a licence. */
export function addressOfKey(key: Key, base: string): string | undefined {
  return key.uri === undefined || !isPlain(key.format) ? undefined : resolve(key.uri, base);
}

function addressOfMap({ uri, range }: MediaMap, base: string): Address | undefined {
  const url = resolve(uri, base);
  if (url === undefined) return undefined;
  return range ? { url, range } : { url };
}

function idOf({ url, range }: Address): string {
  return range ? `${url} ${range.length}@${range.offset}` : url;
}

/** An absolute http(s) address, or undefined for any other. */
export function resolve(uri: string, base: string): string | undefined {
  try {
    const url = new URL(uri, base);
    url.hash = "";
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
