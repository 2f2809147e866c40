// What an HLS upstream has: its first playlist, and every playlist that this names, by names that last.
import { HeadendError } from "../../errors.ts";
import { formatDuration } from "../../formats/duration.ts";
import { expandVariables, type Multivariant, parseHls, rewriteHls } from "../../formats/hls.ts";
import type { Clock, HlsSource, Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import { describeUrl } from "../../redact.ts";
import { hashOf, kindOf, type Listed, nameListed } from "./names.ts";
import type { Whereabouts } from "./parts.ts";
import { createRendition, type Rendition } from "./rendition.ts";
import { resolve } from "./snapshot.ts";
import { type Fetched, type HlsUpstream, readFetched } from "./upstream.ts";

/** A multivariant playlist that is understood. */
export interface Top {
  readonly multivariant: Multivariant;
  readonly listed: readonly Listed[];
  /** As viewers get it. */
  readonly text: string;
  readonly url: string;
  readonly variables: ReadonlyMap<string, string>;
  /** Keys and documents that it names itself. */
  readonly addresses: ReadonlyMap<string, string>;
}

export interface Catalogue {
  /** The multivariant playlist, or undefined when the first playlist is one of segments. @throws HeadendError */
  open(): Promise<Top | undefined>;
  /** The playlist that viewers get by a name. @throws HeadendError */
  text(name: string): Promise<string>;
  /** The playlist of segments that is all there is. */
  main(): Rendition;
  /** The rendition at an address as the multivariant playlist has it. */
  find(uri: string): Rendition | undefined;
  whereabouts(name: string): Whereabouts | undefined;
}

export interface CatalogueSetup {
  readonly source: HlsSource;
  readonly upstream: HlsUpstream;
  readonly clock: Clock;
  readonly log: Logger;
  /** An archive may rest, though it does not say that it has ended. */
  readonly live: boolean;
  /** Told when names may have gone. */
  updated(): void;
}

/** Milliseconds between two requests for the first playlist; the longer the less they help. */
const backoffs = { least: 5_000, most: 60_000 } as const;

export function createCatalogue({ source, upstream, clock, log, live, updated }: CatalogueSetup): Catalogue {
  const address = source.address ?? source.url;
  const renditions = new Map<string, Rendition>();
  let top: Top | undefined;
  let opening: Promise<void> | undefined;
  let opened = false;
  let renewing: Promise<boolean> | undefined;
  let renewable = 0;
  let backoff: number = backoffs.least;

  const create = (name: string, where: () => string, renew: () => Promise<boolean>, first?: Fetched) => {
    const rendition = createRendition({
      name,
      upstream,
      clock,
      log,
      address: where,
      renew,
      variables: () => top?.variables ?? new Map(),
      updated,
      first,
    });
    renditions.set(name, rendition);
    return rendition;
  };

  const open = async (): Promise<void> => {
    const fetched =
      source.playlist === undefined ? await upstream.playlist(address) : await readFetched(source.url, source.playlist);
    if (fetched.playlist.kind === "multivariant") top = readTop(fetched, undefined);
    // Its own address is where it all began; there is nobody else to ask.
    else
      create(
        "main",
        () => address,
        async () => false,
        fetched,
      );
    opened = true;
  };
  const openOnce = async () => {
    if (opened) return;
    opening ??= open().finally(() => {
      opening = undefined;
    });
    await opening;
  };

  const renew = async (): Promise<boolean> => {
    const now = clock.monotonic();
    if (now < renewable) return false;
    renewable = now + backoff;
    // Back to the least when it has not been needed for long.
    backoff = Math.min(backoff * 2, backoffs.most);
    try {
      const fetched = await upstream.playlist(address);
      top = readTop(fetched, top) ?? top;
      return true;
    } catch (error) {
      log.debug(`${describeUrl(address)}: could not be asked again: ${reasonOf(error)}`);
      return false;
    }
  };
  const renewOnce = (): Promise<boolean> => {
    if (clock.monotonic() - renewable > 2 * backoffs.most) backoff = backoffs.least;
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  const renditionOf = (name: string): Rendition | undefined => {
    const known = renditions.get(name);
    if (known || !top?.listed.some((each) => each.name === name)) return known;
    const where = () => {
      const uri = top?.listed.find((each) => each.name === name)?.uri;
      return (uri === undefined ? undefined : resolve(uri, top?.url ?? address)) ?? address;
    };
    return create(name, where, renewOnce);
  };

  return {
    async open() {
      await openOnce();
      return top;
    },
    async text(name) {
      await openOnce();
      if (name === "" && top) return top.text;
      const rendition = renditionOf(name === "" ? "main" : name.replace(/\.m3u8$/, ""));
      if (!rendition) throw new HeadendError("not.found");
      const text = await (await rendition.read()).text();
      const { frozen } = rendition;
      // Sound and subtitles may rest; what has the pictures may not.
      if (live && frozen !== undefined && /^(?:main|v\d+)$/.test(rendition.name))
        throw new HeadendError("dial.stalled", { url: describeUrl(address), limit: formatDuration(frozen) });
      return text;
    },
    main() {
      const rendition = renditions.get("main");
      if (!rendition) throw new HeadendError("internal");
      return rendition;
    },
    find(uri) {
      const name = top?.listed.find((each) => each.uri === uri)?.name;
      return name === undefined || resolve(uri, top?.url ?? address) === undefined ? undefined : renditionOf(name);
    },
    whereabouts(name) {
      const own = () => top?.addresses.get(name);
      if (own() !== undefined) {
        const found = () => {
          const url = own();
          return url === undefined ? undefined : { url };
        };
        return { address: found, renew: async () => void (await renewOnce()) };
      }
      for (const rendition of renditions.values())
        if (rendition.snapshot?.addresses.has(name))
          return { address: () => rendition.snapshot?.addresses.get(name), renew: () => rendition.refresh() };
      return undefined;
    },
  };
}

/** Names all that a multivariant playlist names; undefined when it is none. */
function readTop(fetched: Fetched, before: Top | undefined): Top | undefined {
  const { text, variables } = expandVariables(fetched.text, fetched.url);
  const multivariant = text === fetched.text ? fetched.playlist : parseHls(text);
  if (multivariant.kind !== "multivariant") return undefined;
  const listed = nameListed(multivariant, before?.listed);
  const addresses = new Map<string, string>();
  const written = rewriteHls(text, ({ uri, tag, attributes }) => {
    const url = resolve(uri, fetched.url);
    // What is not for us to fetch stays what it is.
    if (url === undefined) return uri;
    const kind = kindOf({ tag, attributes });
    if (kind !== undefined) {
      const name = listed.find((each) => each.kind === kind && each.uri === uri)?.name;
      return name === undefined ? undefined : `${name}.m3u8`;
    }
    const plain = (attributes.get("KEYFORMAT") ?? "identity") === "identity";
    if (tag === "#EXT-X-SESSION-DATA" || (tag === "#EXT-X-SESSION-KEY" && plain)) {
      const name = tag === "#EXT-X-SESSION-KEY" ? `k${hashOf(url)}.key` : `j${hashOf(url)}.json`;
      addresses.set(name, url);
      return name;
    }
    return url;
  });
  return { multivariant, listed, text: written, url: fetched.url, variables, addresses };
}
