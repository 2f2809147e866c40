// The plugin on a real hub, with upstreams that send pictures made by hand in the test clock's time.

import type { MediaPlaylist } from "../../../core/formats/hls.ts";
import { parseHls } from "../../../core/formats/hls.ts";
import type { Contribution, LineupChannel, Source } from "../../../core/plugin.ts";
import hls from "../../../plugins/hls/index.ts";
import { createTestHost, lineupChannel, type TestHost } from "../../support/host.ts";
import { makePictures, type PicturesOptions } from "./pictures.ts";

export interface Rig {
  readonly host: TestHost;
  readonly channel: LineupChannel;
  /** Upstreams opened so far, and open now. */
  readonly opened: number;
  readonly open: number;
  /** Lets every open upstream end. */
  endUpstream(): void;
  /** Nothing comes any more, of those that are open and of those that will be. */
  holdUpstream(): void;
  /** Asks for an address below `/live/`, as a player would, and moves the clock until there is an answer. */
  get(path: string, o?: GetOptions): Promise<Response>;
  /** The same, without moving the clock. */
  ask(path: string, o?: GetOptions): Promise<Response>;
  close(): Promise<void>;
}

export interface GetOptions {
  readonly at?: number;
  readonly until?: number;
  readonly name?: string;
  readonly signal?: AbortSignal;
}

export interface RigOptions extends PicturesOptions {
  /** Options of the plugin. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Upstream sends as fast as it is read. */
  readonly patient?: boolean;
  /** What upstream sends after its pictures. */
  readonly then?: PicturesOptions;
  /** More of the channel. */
  readonly channel?: Partial<LineupChannel>;
  /** What happens instead of opening. */
  readonly fail?: (signal: AbortSignal) => Promise<Source>;
}

export const origin = "http://tv.example";

export async function createRig(o: RigOptions = {}): Promise<Rig> {
  const host = await createTestHost("hls");
  const channel = lineupChannel({
    name: "News",
    url: "test:news",
    catchup: { mode: "default", days: 7 },
    ...o.channel,
  });
  host.publish([channel]);
  let opened = 0;
  let open = 0;
  let ending = new AbortController();
  let held = false;
  host.answerMedia("test:news", async (signal) => {
    opened++;
    if (o.fail) return await o.fail(signal);
    open++;
    const over = AbortSignal.any([signal, ending.signal]);
    async function* chunks() {
      try {
        const pictures = makePictures({ count: 2500, ...o });
        for (const chunk of o.then ? [...pictures, ...makePictures(o.then)] : pictures) {
          if (!o.patient) await host.clock.sleep(40, over);
          if (held) await host.clock.sleep(3_600_000, over);
          if (over.aborted) return;
          yield chunk;
        }
      } catch {
        // Aborted: that is an end, too.
      } finally {
        open--;
      }
    }
    return { kind: "ts", chunks: chunks(), ...(o.patient ? { patient: true } : {}) };
  });
  const contribution: Contribution = await hls.setup(host, hls.config.parse(o.config ?? {}));
  const output = contribution.outputs?.m3u8;
  if (!output) throw new Error("no output");

  const ask = async (path: string, options: GetOptions = {}): Promise<Response> => {
    const { at, until, name = "10.0.0.1 player", signal } = options;
    const request = new Request(`${origin}/live/${path}`, signal ? { signal } : {});
    const below = /^[^/]+\/m3u8\/(.*)$/.exec(new URL(request.url).pathname.slice("/live/".length))?.[1] ?? "";
    const tune = { channel, ...(at === undefined ? {} : { at }), ...(until === undefined ? {} : { until }) };
    return await output.answer(request, tune, decodeURIComponent(below), { name });
  };

  return {
    host,
    channel,
    get opened() {
      return opened;
    },
    get open() {
      return open;
    },
    endUpstream() {
      ending.abort();
      ending = new AbortController();
    },
    holdUpstream() {
      held = true;
    },
    ask,
    async get(path, options) {
      let settled = false;
      const asking = ask(path, options).finally(() => {
        settled = true;
      });
      asking.catch(() => {});
      for (let turn = 0; turn < 1000 && !settled; turn++) await host.clock.advance(40);
      return await asking;
    },
    close: () => host.close(),
  };
}

/** A rig for as long as the work takes. */
export async function withRig(o: RigOptions, work: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await createRig(o);
  try {
    await work(rig);
  } finally {
    await rig.close();
  }
}

/** A playlist's values; its addresses are relative to `/live/`. */
export async function readPlaylist(response: Response, path: string): Promise<MediaPlaylist> {
  const playlist = parseHls(await response.text());
  if (playlist.kind !== "media") throw new Error(`not a media playlist: ${playlist.kind}`);
  const base = `${origin}/live/${path}`;
  const segments = playlist.segments.map((segment) => ({
    ...segment,
    uri: new URL(segment.uri, base).href.slice(`${origin}/live/`.length),
  }));
  return { ...playlist, segments };
}
