// A live channel as an operator sends it over HTTP: in time, to whoever asks, each from its beginning; and all the ways in which it breaks.
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";

export interface Feed {
  /** For an upstream's answers. */
  readonly answer: (response: ServerResponse) => void;
  /** Connections that are open. */
  readonly open: number;
  /** Connections that ever came, and what they asked with. */
  readonly came: number;
  readonly headers: readonly Readonly<Record<string, string | string[] | undefined>>[];
  /** The most that were ever open at once. */
  readonly most: number;
  /** Ends every connection in order, or not. */
  end(): void;
  reset(): void;
  /** Sends nothing more over those that are open, and keeps them; what was sent last is not a whole packet. */
  hold(): void;
  /** True: whoever asks from now on gets 503. */
  refusing: boolean;
}

export interface FeedOptions {
  /** How long the bytes take, in seconds. */
  readonly seconds: number;
  /** Times as fast as that; default 1. */
  readonly rate?: number;
}

/** Milliseconds between two pieces. */
const pause = 40;

export function createFeed(bytes: Uint8Array, { seconds, rate = 1 }: FeedOptions): Feed {
  const responses = new Set<ServerResponse>();
  const held = new WeakSet<ServerResponse>();
  const headers: Record<string, string | string[] | undefined>[] = [];
  const piece = Math.ceil((bytes.length / seconds / 1000) * pause * rate);
  let most = 0;

  const feed = {
    refusing: false,
    headers,
    get open() {
      return responses.size;
    },
    get came() {
      return headers.length;
    },
    get most() {
      return most;
    },
    answer(response: ServerResponse): void {
      if (feed.refusing) return void response.writeHead(503).end("no more");
      headers.push({ ...response.req.headers });
      responses.add(response);
      most = Math.max(most, responses.size);
      response.writeHead(200, { "content-type": "video/mp2t" });
      const begun = performance.now();
      let at = 0;
      const send = () => {
        if (held.has(response)) return;
        const due = Math.min(bytes.length, Math.ceil((performance.now() - begun) / pause) * piece + piece);
        if (at < due) response.write(bytes.subarray(at, due));
        at = due;
        if (at >= bytes.length) response.end();
      };
      const timer = setInterval(send, pause);
      send();
      response.on("close", () => {
        clearInterval(timer);
        responses.delete(response);
      });
    },
    end(): void {
      for (const response of responses) response.end();
    },
    reset(): void {
      for (const { socket } of responses) socket?.resetAndDestroy();
    },
    hold(): void {
      for (const response of responses) {
        held.add(response);
        response.write(Buffer.from([0x47, 0x41, 0x00, 0x30, 0xff]));
      }
    },
  };
  return feed;
}
