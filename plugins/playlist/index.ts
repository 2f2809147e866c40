// The lineup as M3U and the guide as XMLTV, at the addresses that players are given.
import { rm } from "node:fs/promises";
import { catchupDialects } from "../../core/formats/catchup.ts";
import { type Offer, rewriteHeader } from "../../core/formats/m3u.ts";
import { definePlugin, type GuideStyle, HeadendError, replyFile } from "../../core/plugin.ts";
import { checkPlaylist } from "./checks.ts";
import { config } from "./config.ts";
import type { Page } from "./page.ts";
import { createRenderedPlaylists } from "./rendered.ts";
import { createVariants } from "./variants.ts";

const styles: readonly GuideStyle[] = ["plain", "plex", "kodi", "jellyfin"];

interface Context {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
}

export default definePlugin({
  name: "playlist",
  api: 1,
  config,
  async setup(host, config) {
    const { lineup, cache, log, signal } = host;
    /** The guide's address that goes with a playlist: an instance has its own beside it. */
    const guideLink = (instance: string | undefined) => {
      if (config.guideLink === false) return undefined;
      return instance === config.instance ? config.guideLink : `/${instance}/guide.xml.gz`;
    };
    await rm(cache.path("variants"), { recursive: true, force: true }).catch((error) =>
      log.warn(`files of an earlier run stay: ${error}`),
    );
    const variants = createVariants(cache, host.clock, log);
    const usual: Offer = { dialect: config.catchup, output: config.output };
    /** Counts all that can change what is served at an address. */
    let changes = 0;
    const changed = () => {
      changes++;
    };
    lineup.onChange(changed, signal);
    host.guide.onChange(changed, signal);
    /** Asked before an answer is made: whether nothing has changed since. */
    const sinceNow = () => {
      const seen = changes;
      return () => seen === changes && !signal.aborted;
    };
    const rendered = await createRenderedPlaylists({
      ...{ lineup, cache, clock: host.clock, log, signal, guideLink, changed },
      main: config.instance,
      offer: usual,
    });

    /** How the streams are wanted. @throws HeadendError when there is no such way */
    const readOffer = (query: Context["query"]): Offer => ({
      dialect: oneOf(catchupDialects, "catchup", query.catchup) ?? usual.dialect,
      output: oneOf(["ts", "m3u8"] as const, "output", query.output ?? query.format) ?? usual.output,
      player: oneOf(["kodi"] as const, "for", query.for),
    });

    /** An instance's own playlist as upstream wrote it, as long as its channels are just what it says, and no stream is ours. */
    const originalPage = (instance: string): Page | undefined => {
      // Said of an instance, so any channel knows.
      if (lineup.channels(instance)[0]?.deliver !== "direct") return undefined;
      const document = lineup.original(instance);
      if (!document) return undefined;
      const link = guideLink(instance);
      return {
        key: `originals/${instance}`,
        tag: document.digest,
        open: (base) => (link === undefined ? document.open() : rewriteHeader(document.open(), base + link)),
        personal: link !== undefined,
      };
    };

    /** @throws HeadendError when an instance has no channels, or cannot have any yet */
    const expectChannels = (instance: string) => {
      if (lineup.channels(instance).length > 0) return;
      throw lineup.ready ? new HeadendError("instance.channelless", { instance }) : new HeadendError("not.ready");
    };

    const playlist = async ({ request, query }: Context, instance: string | undefined): Promise<Response> => {
      const offer = readOffer(query);
      const holds = sinceNow();
      if (instance !== undefined) expectChannels(instance);
      const original = instance === undefined ? undefined : originalPage(instance);
      const page = original ?? (await rendered.page(instance, offer));
      if (!page) throw new HeadendError("not.ready");
      const base = page.personal ? host.baseUrl(request) : "";
      // An upstream's bytes may be in any encoding; ours are UTF-8.
      const type =
        original || config.playlistType.includes(";") ? config.playlistType : `${config.playlistType}; charset=utf-8`;
      const file = await variants.file(page, base);
      if (file) return replyFile(request, file, { type, filename: "playlist.m3u", holds });
      const body = request.method === "HEAD" ? null : streamOf(page.open(base));
      return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
    };

    const guide = async (context: Context, instance: string | undefined, packed: boolean): Promise<Response> => {
      const { request, query } = context;
      const style = oneOf(styles, "style", query.style) ?? "plain";
      const holds = sinceNow();
      if (instance !== undefined) expectChannels(instance);
      const artefact = await host.guide.artefact({ style, ...(instance !== undefined && { instance }) });
      if (!artefact) throw new HeadendError("not.ready");
      return packed
        ? replyFile(request, artefact, { type: "application/gzip", filename: "guide.xml.gz", holds })
        : replyFile(request, artefact, { type: config.guideType, encoding: "gzip", holds });
    };

    /** Where people are led, whose browsers ask for pages; players ask for anything, or say nothing. */
    const elsewhere = (request: Request): Response | undefined => {
      const asks = new URL(request.url).pathname === "/" && /\btext\/html\b/.test(request.headers.get("accept") ?? "");
      if (config.page === false || !asks) return undefined;
      const location = host.baseUrl(request) + config.page;
      return new Response(null, { status: 302, headers: { location, "cache-control": "no-store", vary: "Accept" } });
    };

    return {
      stop: () => rendered.settled(),
      checks: (probe) => checkPlaylist(probe, config.guideLink === false ? undefined : config.guideLink),
      routes(app) {
        const answer = (path: string, handler: (context: Context) => Promise<Response>) => {
          app.get(path, handler).head(path, handler);
        };
        answer("/", async (context) => elsewhere(context.request) ?? (await playlist(context, config.instance)));
        for (const path of ["/playlist", "/playlist.m3u", "/channels.m3u"]) {
          answer(path, (context) => playlist(context, config.instance));
        }
        answer("/:instance/playlist.m3u", (context) => playlist(context, context.params.instance));
        for (const path of ["/guide.xml", "/epg"]) answer(path, (context) => guide(context, config.instance, false));
        answer("/guide.xml.gz", (context) => guide(context, config.instance, true));
        answer("/:instance/guide.xml", (context) => guide(context, context.params.instance, false));
        answer("/:instance/guide.xml.gz", (context) => guide(context, context.params.instance, true));
        return app;
      },
    };
  },
});

/** What a query says, which is one of these or nothing. @throws HeadendError when it is another */
function oneOf<Name extends string>(names: readonly Name[], key: string, said: string | undefined): Name | undefined {
  const name = names.find((each) => each === said);
  if (said && !name) throw new HeadendError("config.usage", { reason: `${key}: expected one of ${names.join(", ")}` });
  return name;
}

/** A body that is made while it is sent, and no faster. */
function streamOf(bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
