// The addresses of movistar-u7d: its lists, its guide, and a channel live or at any instant of its past.
import { gzipSync } from "node:zlib";
import type { AnyElysia, Context, Elysia } from "elysia";
import {
  type Artefact,
  type Clock,
  HeadendError,
  type LineupChannel,
  replyFile,
  type StreamHub,
  type Viewer,
} from "../../core/plugin.ts";
import { type Cloud, formatCloud } from "./cloud.ts";
import { formatList, type Style } from "./lists.ts";
import { parseSpec } from "./spec.ts";

export interface U7dOptions {
  readonly style: Style;
  readonly clock: Clock;
  readonly hub: StreamHub;
  readonly cloud: Cloud;
  /** The instance's channels in order. */
  channels(): readonly LineupChannel[];
  /** False: no refresh has succeeded so far. */
  ready(): boolean;
  guide(): Promise<Artefact | undefined>;
  viewer(request: Request): Viewer;
  baseUrl(request: Request): string;
  /** The name of a channel's logo's file. */
  logoOf(id: string): string | undefined;
  /** @throws HeadendError `tune.past` when the guide knows no programme of the channel at that time */
  expectPast(channel: LineupChannel, at: number): void;
  /** A picture of the operator's. */
  picture(kind: "logo" | "cover", path: string, signal: AbortSignal): Promise<Uint8Array>;
}

const streamHeaders = { "content-type": "video/mp2t", "cache-control": "no-store" } as const;
const lists = /^(?:movistartv|canales|channels|playlist)\.m3u8?$/i;
const guides = /^(?:guia|guide)\.xml(\.gz)?$/i;
const cloudLists = /^(?:cloud|nube|movistartvcloud)\.m3u8?$/i;
const cloudGuides = /^(?:cloud|nube)\.xml(\.gz)?$/i;
const later = /^(?:recordings|grabaciones|movistartvlocal|local)\.m3u8?$/i;

/** Fills an app that stands where the instance does. */
export function fillU7d(app: Elysia, o: U7dOptions): AnyElysia {
  const both = (path: string, handler: (context: Context) => Promise<Response>) =>
    app.get(path, handler).head(path, handler);
  // One name for what stands first: the tree of routes has one parameter at a place.
  both("/:channel", (context) => file(context, context.params.channel ?? ""));
  for (const path of ["/Logos/:file", "/Covers/:folder/:file"] as const) both(path, (context) => picture(context));
  for (const path of ["/:channel/:spec", "/cloud/:channel/:spec"])
    both(path, (context) => watch(context, channelOf(context.params.channel ?? ""), context.params.spec ?? ""));
  // Its file is in the query: `/recording/?film.mkv`.
  both("/recording", async () => {
    throw notYet("recordings");
  });
  return app;

  /** What stands before a path of ours in the request's address. */
  function baseOf(request: Request, path: string): string {
    const { pathname } = new URL(request.url);
    return o.baseUrl(request) + pathname.replace(/\/+$/, "").slice(0, -path.length);
  }

  async function file(context: Context, raw: string): Promise<Response> {
    const { request } = context;
    const name = decode(raw);
    if (lists.test(name)) return list(request, raw, false);
    if (cloudLists.test(name)) return list(request, raw, true);
    const clouded = cloudGuides.exec(name);
    if (clouded) return cloudGuide(clouded[1] !== undefined);
    const packed = guides.exec(name);
    if (packed) {
      const artefact = await o.guide();
      if (!artefact) throw new HeadendError("not.ready");
      return packed[1]
        ? replyFile(request, artefact, { type: "application/gzip", filename: "guide.xml.gz" })
        : replyFile(request, artefact, { type: "application/xml", encoding: "gzip" });
    }
    if (later.test(name)) throw notYet("recordings");
    const [, wanted] = /^(.+)\.ts$/i.exec(name) ?? [];
    if (wanted === undefined) throw new HeadendError("not.found");
    return watch(context, channelOf(wanted), "live");
  }

  function cloudGuide(isPacked: boolean): Response {
    const names = new Map(o.channels().map(({ ownId, name }) => [Number(ownId), name]));
    const text = formatCloud(o.cloud.events, names);
    const type = isPacked ? "application/gzip" : "application/xml";
    return new Response(isPacked ? new Uint8Array(gzipSync(text)) : text, {
      headers: { "content-type": type, "cache-control": "no-store" },
    });
  }

  function list(request: Request, path: string, cloud: boolean): Response {
    const all = o.channels();
    expectReady(all);
    const clouded = new Set(o.cloud.events.map(({ channel }) => String(channel)));
    const channels = cloud ? all.filter(({ ownId = "" }) => clouded.has(ownId)) : all;
    const listed = channels.map(({ ownId = "", number, name }) => {
      const logo = o.logoOf(ownId);
      return { id: ownId, number, name, ...(logo === undefined ? {} : { logo }) };
    });
    const text = formatList(listed, { style: o.style, base: baseOf(request, `/${path}`), cloud });
    return new Response(request.method === "HEAD" ? null : text, {
      headers: { "content-type": "audio/x-mpegurl; charset=utf-8", "cache-control": "no-store" },
    });
  }

  /** @throws HeadendError `not.ready` */
  function expectReady(channels: readonly LineupChannel[]): void {
    if (channels.length === 0 && !o.ready()) throw new HeadendError("not.ready");
  }

  /** By its id, or by a part of its name that is no other's. @throws HeadendError `tune.unknown`, `not.ready` */
  function channelOf(raw: string): LineupChannel {
    const name = decode(raw);
    const channels = o.channels();
    expectReady(channels);
    const byId = channels.find(({ ownId }) => ownId === name);
    if (byId) return byId;
    const plain = (text: string) => text.toLowerCase().replaceAll(/[\s.]/g, "");
    const wanted = plain(name);
    const byName = /^\d+$/.test(name) ? [] : channels.filter((channel) => plain(channel.name).includes(wanted));
    const exact = byName.filter((channel) => plain(channel.name) === wanted);
    const [found, ...others] = exact.length > 0 ? exact : byName;
    if (!found || others.length > 0 || wanted === "") throw new HeadendError("tune.unknown", { channel: name });
    return found;
  }

  async function watch(context: Context, channel: LineupChannel, raw: string): Promise<Response> {
    const { request, query } = context;
    const spec = parseSpec(decode(raw), o.clock.now());
    if (!spec) throw new HeadendError("tune.past", { channel: channel.name, reason: "this address says no time" });
    if (query.record !== undefined) throw notYet("recording by address");
    if (spec !== "live") o.expectPast(channel, spec.at);
    if (request.method === "HEAD") return new Response(null, { headers: streamHeaders });
    const tune = spec === "live" ? { channel } : { channel, ...spec };
    const { body } = await o.hub.watch(tune, o.viewer(request), request.signal);
    return new Response(body, { headers: streamHeaders });
  }

  async function picture({ request, params }: Context): Promise<Response> {
    const { folder, file = "" } = params as { folder?: string; file?: string };
    const isNamed = /^\d{1,12}\.[a-z]{3,4}$/i.test(file) && (folder === undefined || /^\d{1,12}$/.test(folder));
    if (!isNamed) throw new HeadendError("not.found");
    const bytes =
      folder === undefined
        ? o.picture("logo", file, request.signal)
        : o.picture("cover", `${folder}/${file}`, request.signal);
    const headers = { "content-type": "image/jpeg", "cache-control": "public, max-age=86400" };
    return new Response(request.method === "HEAD" ? null : new Uint8Array(await bytes), { headers });
  }
}

function notYet(what: string): HeadendError {
  return new HeadendError("feature.missing", { what });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
