// The guide of a device: the merged one, and of it only what is of the device's channels.
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createGunzip, createGzip } from "node:zlib";
import { documentHead, documentTail, Scanner, unescapeValue } from "../../core/formats/xmltv/index.ts";
import type { Artefact, Cache, Guide, GuideStyle } from "../../core/plugin.ts";
import type { DeviceChannels } from "./channels.ts";

export interface DeviceGuide {
  /** One gzip member; undefined before the first merge. */
  artefact(style: GuideStyle): Promise<Artefact | undefined>;
}

interface Kept {
  readonly of: string;
  readonly artefact: Promise<Artefact>;
}

export function createDeviceGuide(o: {
  readonly guide: Guide;
  readonly cache: Cache;
  readonly channels: DeviceChannels;
}): DeviceGuide {
  const kept = new Map<GuideStyle, Kept>();

  return {
    async artefact(style) {
      const whole = await o.guide.artefact({ style });
      if (!whole || o.channels.whole) return whole;
      const of = `${whole.etag} ${o.channels.selected}`;
      const known = kept.get(style);
      if (known?.of === of) return await known.artefact;
      const ids = new Set(o.channels.all().map(({ channel }) => channel.guideId));
      const artefact = (known?.artefact.catch(() => {}) ?? Promise.resolve()).then(() =>
        o.cache.write(`guide/${style}.xml.gz`, packed(selectElements(inflated(whole.path), ids))),
      );
      kept.set(style, { of, artefact });
      // The next who asks tries again.
      artefact.catch(() => kept.get(style)?.artefact === artefact && kept.delete(style));
      return await artefact;
    },
  };
}

function inflated(path: string): AsyncIterable<Uint8Array> {
  return pipeline(createReadStream(path), createGunzip({ chunkSize: 1 << 16 }), () => {});
}

function packed(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return pipeline(Readable.from(chunks), createGzip({ level: 4 }), () => {});
}

/** The document with the channels of these ids, and their programmes, and nothing else; element by element as it was. */
export async function* selectElements(
  document: AsyncIterable<Uint8Array>,
  ids: ReadonlySet<string>,
): AsyncGenerator<Uint8Array> {
  let found: Uint8Array[] = [];
  let wanted = false;
  const keep = (element: Scanner) => {
    found.push(encode("  "), Uint8Array.from(element.bytes.subarray(element.start, element.end)), encode("\n"));
  };
  const isWanted = ({ bytes, idStart, idEnd }: Scanner) =>
    ids.has(unescapeValue(bytes.toString("utf8", idStart, idEnd)));
  const scanner = new Scanner({
    channel(element) {
      if (isWanted(element)) keep(element);
    },
    programme(element) {
      if (!element.repeated) wanted = isWanted(element);
      if (wanted) keep(element);
      else element.skipRun = true;
    },
    lost() {},
  });
  yield encode(documentHead);
  for await (const chunk of document) {
    scanner.push(chunk);
    if (found.length > 0) yield Buffer.concat(found);
    found = [];
    // Streams go on meanwhile.
    await setImmediate();
  }
  scanner.finish();
  if (found.length > 0) yield Buffer.concat(found);
  yield encode(documentTail);
}

const encoder = new TextEncoder();
const encode = (text: string) => encoder.encode(text);
