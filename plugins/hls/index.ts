// Every channel as HLS (RFC 8216), live and from the past: `/live/<channel>.m3u8`, and what its playlists name below it.
import { randomBytes } from "node:crypto";
import { findCatchupFault } from "../../core/formats/catchup.ts";
import { parseDuration, parseSize } from "../../core/formats/duration.ts";
import { definePlugin, HeadendError, type Tune, type Viewer } from "../../core/plugin.ts";
import { config } from "./config.ts";
import { prefixOf } from "./links.ts";
import { type Asking, createLiveStream, type LiveStream } from "./live.ts";
import { RelayOver } from "./over.ts";
import { createPastStream, type PastStream } from "./past.ts";
import { playlistType, replyElsewhere } from "./reply.ts";

/** Milliseconds that a past stays open at least: a player has some segments in hand. */
const pastLinger = 30_000;
/** The longest past that is made for a player that does not say where it ends, in milliseconds; and the shortest. */
const longestPast = 12 * 3_600_000;
const shortestPast = 60_000;
/** A past that was allowed stays so while it is watched. */
const watching = 6 * 3_600_000;

export default definePlugin({
  name: "hls",
  api: 1,
  config,
  setup(host, config) {
    const { hub, clock, signal } = host;
    const ms = (text: string) => parseDuration(text) ?? 0;
    const settings = {
      mode: config.mode,
      part: ms(config.part),
      target: ms(config.segment),
      most: Math.max(ms(config.longest), ms(config.segment)),
      window: config.window,
      linger: ms(config.idle),
      mostBytes: parseSize(config.memory) ?? 0,
    };
    /** By channel; and every one that still has segments, by its token. */
    const lives = new Map<string, LiveStream>();
    const tokens = new Map<string, LiveStream>();
    /** The last discontinuity sequence number of each channel, so that a later stream goes on above it. */
    const last = new Map<string, number>();
    const pasts = new Map<string, PastStream>();

    let serial = 0;

    function live(tune: Tune): LiveStream {
      const { id } = tune.channel;
      const known = lives.get(id);
      if (known) return known;
      const forget = () => {
        if (lives.get(id) === stream) lives.delete(id);
        last.set(id, Math.max(last.get(id) ?? 0, stream.discontinuity));
      };
      const stream: LiveStream = createLiveStream({
        ...{ hub, clock, tune, settings, signal },
        after: last.get(id),
        token: `${clock.now().toString(36)}_${(++serial).toString(36)}`,
        over: forget,
        unfit: (reason) =>
          host.log.info(`${tune.channel.name} is cut as a transport stream: ${reason}`, { channel: tune.channel.id }),
        gone: () => tokens.delete(stream.token),
      });
      lives.set(id, stream);
      tokens.set(stream.token, stream);
      return stream;
    }

    /** A past by its name in addresses: `<at>-<until>-<token>`, in seconds since the Unix epoch. */
    function past(channel: Tune["channel"], name: string): PastStream {
      const key = `${channel.id} ${name}`;
      const known = pasts.get(key);
      if (known) return known;
      const [, from, to] = /^(\d{1,11})-(\d{1,11})-[\w-]{1,32}$/.exec(name) ?? [];
      const at = Number(from) * 1000;
      const until = Number(to) * 1000;
      if (!(until > at && until - at <= 2 * longestPast)) throw new HeadendError("not.found");
      const now = clock.now();
      const fault = findCatchupFault(channel, at > now ? at : Math.min(at + watching, now), now);
      if (fault) throw new HeadendError("tune.past", { channel: channel.name, reason: fault });
      const stream = createPastStream({
        ...{ hub, clock, channel, at, until, signal },
        linger: Math.max(settings.linger, pastLinger),
        mostBytes: settings.mostBytes,
        gone: () => pasts.get(key) === stream && pasts.delete(key),
      });
      pasts.set(key, stream);
      return stream;
    }

    /** Where a past ends whose player does not say: with its programme, or now. */
    async function endOf({ channel, until }: Tune, at: number): Promise<number> {
      if (until !== undefined && until > at) return Math.min(until, at + longestPast);
      const { now } = await host.guide.nowNext(channel, at);
      const end = now?.stop ?? Math.max(clock.now(), at + shortestPast);
      return Math.min(end, at + longestPast);
    }

    async function route(request: Request, tune: Tune, path: string, viewer: Viewer): Promise<Response> {
      if (signal.aborted) throw new HeadendError("instance.stopped", { instance: host.name });
      const { channel, at } = tune;
      const prefix = prefixOf(request, channel.id, host.baseUrl(request));
      const query = () => new URL(request.url).searchParams;
      const asking: Asking = { name: viewer.name, path, prefix, query, signal: request.signal };
      if (at !== undefined) {
        const until = await endOf(tune, at);
        const name = `${Math.floor(at / 1000)}-${Math.ceil(until / 1000)}-${randomBytes(6).toString("hex")}`;
        return replyElsewhere(`${prefix}past/${name}/index.m3u8`);
      }
      const [folder, name = "", ...rest] = path.split("/");
      if (folder === "past") return await past(channel, name).answer({ ...asking, path: rest.join("/") });
      if (folder !== "live") return await live(tune).answer(asking);
      // A segment is known by its stream's token, and brings no stream back.
      const stream = tokens.get(name.split("-")[0] ?? "");
      if (!stream) throw new HeadendError("not.found");
      return await stream.answer(asking);
    }

    async function answer(request: Request, tune: Tune, path: string, viewer: Viewer): Promise<Response> {
      try {
        return await route(request, tune, path, viewer);
      } catch (thrown) {
        // Players take a playlist that fails for the end of the channel: they get that of the next watch at once.
        if (thrown instanceof RelayOver && /(?:^|\.m3u8)$/.test(path) && !request.signal.aborted)
          return await route(request, tune, path, viewer);
        // Who has left while waiting gets no answer, and nothing is wrong.
        if (request.signal.aborted && !(thrown instanceof HeadendError)) return new Response(null, { status: 499 });
        throw thrown;
      }
    }

    return { outputs: { m3u8: { type: playlistType, answer } } };
  },
});
