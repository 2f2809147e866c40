// Brings an instance's guide sources to disk: fetched, written or formatted, each with its last good copy behind it.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { HeadendError } from "./errors.ts";
import { formatProgrammes } from "./formats/xmltv/programme.ts";
import type { MergeSource } from "./guide/types.ts";
import type { InstanceHost } from "./host.ts";
import { reasonOf } from "./reason.ts";
import { describeUrl } from "./redact.ts";
import type { Document, GuideAddress, GuideSource } from "./types.ts";

/** A source that is on disk, or the reason why it is not. */
export interface GuideInput {
  readonly name: string;
  /** Absent when there is not even an old copy. */
  readonly source?: MergeSource;
  /** Why this time's copy did not come; the source is then the last good one. */
  readonly error?: unknown;
  /** Bytes received this time. */
  readonly received: number;
}

/** A reason with the source's name before it, which many reasons begin with. */
export function sayOf(name: string, reason: string): string {
  return reason.startsWith(`${name}: `) ? reason : `${name}: ${reason}`;
}

/** Gets all sources of one instance, a few at a time; one that fails never stops the others. */
export async function collectSources(
  sources: readonly GuideSource[],
  host: InstanceHost,
  signal: AbortSignal,
): Promise<GuideInput[]> {
  return Promise.all(
    sources.map(async (source, place) => {
      const name = source.name ?? ("url" in source ? describeUrl(source.url) : host.name);
      const input =
        "url" in source
          ? await fetched(source, name, host, signal)
          : await written(source, name, keyOf(sources, place), host, signal);
      if (input.error && !signal.aborted) {
        host.log.warn(
          `guide ${sayOf(name, reasonOf(input.error))}; ${input.source ? "the last good copy stays" : "there is no earlier copy"}`,
        );
      }
      return input;
    }),
  );
}

async function fetched(
  source: GuideAddress,
  name: string,
  host: InstanceHost,
  signal: AbortSignal,
): Promise<GuideInput> {
  const check = (copy: Document) => expectGuide(copy, name, signal);
  const options = {
    local: source.local ?? false,
    signal,
    check,
    ...(source.headers ? { headers: source.headers } : {}),
  };
  try {
    const { path, digest, received } = await host.fetch.document(source.url, options);
    return { name, source: mergeSource(source, name, host, path, digest), received };
  } catch (error) {
    const last = await host.fetch.lastGood(source.url).catch(() => undefined);
    return {
      name,
      error,
      received: 0,
      ...(last ? { source: mergeSource(source, name, host, last.path, last.digest) } : {}),
    };
  }
}

/** Far more than any prolog takes. */
const glance = 1 << 17;

/** A web page that says "sorry" must not take the place of a good guide. @throws HeadendError `guide.not` */
async function expectGuide(copy: Document, name: string, signal: AbortSignal): Promise<void> {
  let head = "";
  let looked = 0;
  for await (const chunk of copy.open(signal)) {
    // Zero bytes are left out, so that UTF-16 reads as well.
    head += Buffer.from(chunk.subarray(0, glance)).toString("latin1").replaceAll("\0", "");
    looked += chunk.length;
    if (looked >= glance) break;
  }
  if (/<(tv|channel|programme)[\s>/]/.test(head)) return;
  const reason = /<(!doctype )?html/i.test(head) ? "it is a web page" : "it has no <tv> element";
  throw new HeadendError("guide.not", { source: name, reason });
}

/** Where a source's document is kept: by its name, so that it stays its own when others come and go; else by its place. */
function keyOf(sources: readonly GuideSource[], place: number): string {
  const { name } = sources[place] ?? {};
  if (name === undefined || sources.findIndex((other) => other.name === name) !== place) return `guide-${place}.xml`;
  return `guide-${createHash("sha256").update(name).digest("hex").slice(0, 16)}.xml`;
}

async function written(
  source: Exclude<GuideSource, GuideAddress>,
  name: string,
  key: string,
  host: InstanceHost,
  signal: AbortSignal,
): Promise<GuideInput> {
  const before = await host.brought.find(key);
  try {
    const body = "bytes" in source ? source.bytes(signal) : encoded(formatProgrammes(source.programmes(signal)));
    const { artefact, digest } = await host.brought.save(key, body, { from: "" }, before);
    return { name, received: artefact.bytes, source: mergeSource(source, name, host, artefact.path, digest) };
  } catch (error) {
    if (!before) return { name, error, received: 0 };
    return { name, error, received: 0, source: mergeSource(source, name, host, before.artefact.path, before.digest) };
  }
}

/** Characters that are written at once: each write has its price. */
const batch = 1 << 16;

async function* encoded(texts: AsyncIterable<string>): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  let held = "";
  for await (const text of texts) {
    held += text;
    if (held.length < batch) continue;
    yield encoder.encode(held);
    held = "";
  }
  if (held !== "") yield encoder.encode(held);
}

function mergeSource(source: GuideSource, name: string, host: InstanceHost, path: string, digest: string): MergeSource {
  return {
    name,
    instance: host.name,
    path,
    digest,
    ...(source.shift === undefined ? {} : { shift: source.shift }),
    ...(source.map === undefined ? {} : { map: source.map }),
    ...(source.match === undefined ? {} : { match: source.match }),
    ...(source.ids === undefined ? {} : { ids: source.ids }),
  };
}
