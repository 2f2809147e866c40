// A document at an address that brings one half of a source, within the limits that every half has.

import { formatSize } from "../../core/formats/duration.ts";
import { type Clock, type Fetch, HeadendError } from "../../core/plugin.ts";
import { endInTime, type Limits } from "./callback.ts";

export interface AddressOptions {
  /** What errors call it. */
  readonly what: string;
  readonly fetch: Fetch;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** True when the user's config names it, so that it may be a file. */
  readonly local: boolean;
}

/** The document, decompressed, which counts for its size. @throws HeadendError `fetch.*` */
export async function* readAddress(address: string, o: AddressOptions): AsyncGenerator<Uint8Array> {
  const { what, limits, local } = o;
  const { total, silence, maxBytes, connect } = limits;
  const stop = new AbortController();
  const signal = AbortSignal.any([o.signal, stop.signal]);
  endInTime(stop, o.clock, what, total, signal);
  try {
    const asked = { local, signal, timeout: Math.min(total, connect), idle: silence, maxBytes };
    const document = await o.fetch.document(address, asked);
    let read = 0;
    for await (const chunk of document.open(signal)) {
      read += chunk.length;
      if (read > maxBytes) throw new HeadendError("fetch.size", { url: what, limit: formatSize(maxBytes) });
      yield chunk;
    }
  } finally {
    stop.abort();
  }
}
