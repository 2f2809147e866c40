// Documents of a device as they are sent: made once for each address by which it is reached, and sent again.
import { Buffer } from "node:buffer";

export interface SentDocuments {
  /** The document of this name, made anew when `version` has changed since. */
  get(key: string, type: string, make: () => string): Response;
  /** Bytes that are kept. */
  readonly size: number;
}

/** Bytes that are kept at most: whoever asks may make up hosts, and each has documents of its own. One may be larger. */
export const mostKept = 16 * 2 ** 20;

/** @param version names what the documents are made of */
export function createSentDocuments(version: () => number): SentDocuments {
  const kept = new Map<string, { readonly body: Uint8Array; readonly headers: Record<string, string> }>();
  let seen = version();
  let size = 0;
  return {
    get(key, type, make) {
      let known = seen === version() ? kept.get(key) : undefined;
      if (!known) {
        const body = Buffer.from(make());
        known = { body, headers: headersOf(type, body.length) };
        const more = key.length + body.length;
        if (seen !== version() || size + more > mostKept) {
          kept.clear();
          size = 0;
        }
        seen = version();
        size += more;
        kept.set(key, known);
      }
      return new Response(known.body as Uint8Array<ArrayBuffer>, { headers: known.headers });
    },
    get size() {
      return size;
    },
  };
}

/** Clients ask all the time, and are to see every change. */
export function headersOf(type: string, length: number): Record<string, string> {
  return { "content-type": type, "content-length": String(length), "cache-control": "no-cache" };
}
