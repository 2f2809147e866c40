// The addresses of pictures: `/live/<channel>.<extension>`, live or from the past, and what outputs have below them.
import type { AnyElysia, Elysia } from "elysia";
import { HeadendError } from "../errors.ts";
import { type CatchupWish, findCatchupFault, parseCatchup, parseXcPath } from "../formats/catchup.ts";
import { deviceErrorOf } from "../formats/device-error.ts";
import type { Clock, Lineup, LineupChannel, Tune, Viewer } from "../plugin.ts";
import { replyError } from "./failure.ts";
import type { Streams } from "./headend.ts";
import { pathOf } from "./origin.ts";

export interface LiveOptions {
  readonly lineup: Lineup;
  readonly streams: Streams;
  readonly clock: Clock;
  baseUrl(request: Request): string;
  /** Who sent a request. */
  viewer(request: Request): Viewer;
}

const streamHeaders = {
  "content-type": "video/mp2t",
  "cache-control": "no-store",
  "access-control-allow-origin": "*",
} as const;

/** A channel, when, in which form, and what of it. */
interface Wish {
  readonly tune: Tune;
  readonly extension: string;
  readonly path: string;
}

/** Fills an app that stands at the root. */
export function fillLive(app: Elysia, o: LiveOptions): AnyElysia {
  const { streams } = o;
  for (const [path, read] of [
    ["/live/*", wishOf],
    ["/timeshift/*", xcWishOf],
  ] as const) {
    app.get(path, ({ request }) => answer(request, read, false));
    app.head(path, ({ request }) => answer(request, read, true));
  }
  return app;

  async function answer(request: Request, read: (request: Request) => Wish, headOnly: boolean): Promise<Response> {
    try {
      const { tune, extension, path } = read(request);
      const output = extension === "ts" ? undefined : streams.output(extension);
      if (extension !== "ts" && !output)
        throw new HeadendError("tune.output", { extension, known: ["ts", ...streams.extensions()].join(", ") });
      const elsewhere = tune.at === undefined && path === "" ? streams.elsewhere(tune.channel) : undefined;
      if (elsewhere !== undefined) {
        const location = elsewhere.startsWith("/") ? o.baseUrl(request) + elsewhere : elsewhere;
        return new Response(null, { status: 302, headers: { location, "cache-control": "no-store" } });
      }
      if (headOnly && output && path === "")
        return new Response(null, { headers: { ...streamHeaders, "content-type": output.type } });
      if (headOnly && !output) return new Response(null, { headers: streamHeaders });
      const viewer = o.viewer(request);
      if (output) {
        const answer = await output.answer(request, tune, path, viewer);
        if (!headOnly) return answer;
        await answer.body?.cancel();
        return new Response(null, answer);
      }
      const { body } = await streams.hub.watch(tune, viewer, request.signal);
      return new Response(body, { headers: streamHeaders });
    } catch (error) {
      if (!(error instanceof HeadendError)) throw error;
      return replyError(request.headers, error, { "x-hdhomerun-error": deviceErrorOf(error.code) });
    }
  }

  /** What follows the last dot, unless that belongs to the channel's id. */
  function extensionOf(name: string): string {
    const dot = name.lastIndexOf(".");
    const extension = dot < 0 ? "" : name.slice(dot + 1);
    return extension === "ts" || streams.output(extension) || !o.lineup.get(name) ? extension : "";
  }

  /** What is wanted: a channel, when, and in which form. @throws HeadendError `tune.*` */
  function wishOf(request: Request): Wish {
    const [url = ""] = request.url.split("#", 1);
    const searchParams = new URLSearchParams(/\?.*/.exec(url)?.[0]);
    const [, , first = "", ...rest] = pathOf(url).split("/");
    const name = decode(first);
    // Xtream addresses name a user and a password before the channel.
    if (rest.length === 2 && !o.lineup.get(name)) return wishAt(decode(rest[1] ?? ""), [], searchParams);
    return wishAt(name, rest, searchParams);
  }

  function wishAt(name: string, rest: readonly string[], query: URLSearchParams): Wish {
    const named = rest.length > 0 ? "" : extensionOf(name);
    const channel = o.lineup.get(named === "" ? name : name.slice(0, -named.length - 1));
    if (!channel) throw new HeadendError("tune.unknown", { channel: name });
    const now = o.clock.now();
    // What an output has below its address is its own business.
    if (named === "" && rest.length > 1 && streams.output(rest[0] ?? ""))
      return { tune: { channel }, extension: rest[0] ?? "", path: rest.slice(1).map(decode).join("/") };
    const wish = parseCatchup(rest.map(decode).join("/"), query, now, { timeZone: streams.timeZone() });
    if (!wish) throw new HeadendError("tune.past", { channel: channel.name, reason: "this address says no time" });
    return wishFor(channel, named || wish.extension || "ts", wish);
  }

  /** `/timeshift/<user>/<password>/<minutes>/<time>/<channel>.<extension>`. */
  function xcWishOf(request: Request): Wish {
    const { pathname } = new URL(request.url);
    const wish = parseXcPath(pathname, { timeZone: streams.timeZone() });
    // Not the whole path: a user and a password stand in it.
    const name = wish?.channel ?? decode(pathname.slice(pathname.lastIndexOf("/") + 1)).replace(/\.\w+$/, "");
    const channel = o.lineup.get(name);
    if (!channel) throw new HeadendError("tune.unknown", { channel: name });
    if (!wish) throw new HeadendError("tune.past", { channel: channel.name, reason: "this address says no time" });
    return wishFor(channel, wish.extension ?? "ts", wish);
  }

  /** @throws HeadendError `tune.past` for what lies outside the archive */
  function wishFor(channel: LineupChannel, extension: string, wish: CatchupWish): Wish {
    const { at, until } = wish;
    if (at === undefined) return { tune: { channel }, extension, path: "" };
    const now = o.clock.now();
    const fault = findCatchupFault(channel, at, now);
    if (fault) throw new HeadendError("tune.past", { channel: channel.name, reason: fault });
    return { tune: { channel, at, ...(until === undefined ? {} : { until }) }, extension, path: "" };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
