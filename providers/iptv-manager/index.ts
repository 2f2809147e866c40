// Kodi add-ons that speak IPTV Manager's protocol, and documents in its formats, as providers.
import { channelPath } from "../../core/formats/channel-path.ts";
import { parseDuration, parseSize } from "../../core/formats/duration.ts";
import { isKodiAddress } from "../../core/formats/kodi-address.ts";
import { type Channel, definePlugin, type GuideSource, HeadendError, type LineupChannel } from "../../core/plugin.ts";
import { packAddon } from "./addon/archive.ts";
import { readAddress } from "./address.ts";
import type { Limits } from "./callback.ts";
import { runCommand } from "./command.ts";
import { type Config, config, type HalfConfig, type SourceConfig } from "./config.ts";
import { createGate } from "./gate.ts";
import type { Ask } from "./half.ts";
import { createAddOnSources } from "./kodi/add-on-sources.ts";
import { expandHome } from "./kodi/home.ts";
import { createKodi, iconOf } from "./kodi/index.ts";
import { createLogos } from "./logos.ts";
import { formatEpg, formatStreams, spanOf } from "./offered.ts";
import { createSource, type Source } from "./source.ts";
import { sentenceOf, summarise } from "./summary.ts";

export { epgSchema } from "./epg.ts";
export { streamsSchema } from "./streams.ts";

/** Milliseconds that the channels wait for a first guide, which says what can be had on demand. */
const patience = 10_000;

export default definePlugin({
  name: "iptv-manager",
  api: 1,
  config,
  async setup(host, config) {
    const { cache, clock, log, signal } = host;
    const limits = readLimits(config);
    const limited = createGate(config.parallel);
    const logos = createLogos();
    const options = { cache, clock, log, signal, limited };
    /** Programs that have delivered and have not ended yet. */
    const leaving = new Set<Promise<void>>();
    let prefix = "";

    /** How a half is asked, by what the config says of it. */
    const askOf = (what: string, half: HalfConfig | undefined): Ask | undefined => {
      if (half === undefined) return undefined;
      if (typeof half === "string") return askAddress(what, half, true);
      const left = (gone: Promise<void>) => {
        leaving.add(gone);
        gone.finally(() => leaving.delete(gone));
      };
      const asked = { what, words: half.command, limits, clock, left };
      return { how: "command", bytes: (s) => runCommand({ ...asked, signal: s }) };
    };
    /** `local`: the config names it, so that it may be a file. */
    const askAddress = (what: string, address: string, local: boolean): Ask => ({
      how: "address",
      ...(/^https?:/i.test(address) && { base: address }),
      bytes: (s) => readAddress(address, { what, fetch: host.fetch, limits, clock, signal: s, local }),
    });

    const planOf = (one: SourceConfig) => {
      const { name } = one;
      const base = typeof one.channels === "string" ? one.channels : undefined;
      const logo = logos.finder(name, one.folder && expandHome(one.folder), base);
      const icon = one.icon && (/^https?:/i.test(one.icon) ? one.icon : logo(one.icon));
      const halves = { channels: askOf(`${name} channels`, one.channels), guide: askOf(`${name} guide`, one.epg) };
      return { name, icon, logo, logoAddress: logos.address, ...halves };
    };

    const configured = await Promise.all(config.sources.map((one) => createSource(planOf(one), options)));
    const kodi = config.kodi && (await createKodi(config.kodi, { ...options, fetch: host.fetch, limits }));
    const ofKodi = createAddOnSources(async (addOn) => {
      const { id, name, folder } = addOn;
      const ask = (what: string, address: string | undefined) => {
        if (address === undefined) return undefined;
        return isKodiAddress(address) ? kodi?.ask(what, address) : askAddress(what, address, false);
      };
      const logo = logos.finder(id, folder, undefined);
      const icon = iconOf(addOn);
      const plan = { key: id, name, logo, logoAddress: logos.address, icon: icon && logo(icon) };
      const halves = { channels: ask(`${name} channels`, addOn.channels), guide: ask(`${name} guide`, addOn.epg) };
      return createSource({ ...plan, ...halves }, options);
    }, config.kodi?.addons);
    /** Otherwise it is the guide that asks, and core hears of no channels. */
    const lists = kodi !== undefined || configured.some(({ hasChannels }) => hasChannels);
    const all = (): readonly Source[] => [...configured, ...ofKodi.sources];

    async function* channels(until: AbortSignal): AsyncGenerator<readonly Channel[]> {
      // What failed is tried again soon; that is no reason to ask everybody again.
      const again = kodi?.error || all().some(({ errors }) => errors.channels || errors.guide);
      if (kodi) await ofKodi.take(await before(until, kodi.addOns()));
      const sources = all();
      const rounds = sources.map((source) => ({ source, round: source.refresh(again ? "stale" : "all") }));
      const asked = Promise.all(
        rounds.map(async ({ source, round }) => {
          await round.channels;
          if (source.knowsGuide) return;
          const enough = new AbortController();
          const late = clock.sleep(patience, AbortSignal.any([signal, enough.signal])).catch(() => {});
          await Promise.race([round.guide, late]);
          enough.abort();
        }),
      );
      await before(until, asked);
      signal.throwIfAborted();
      let given = 0;
      for (const source of sources) {
        const list = source.channels();
        given += list.length;
        if (list.length > 0) yield list;
      }
      const failed = sources.find(({ errors }) => errors.channels);
      if (given > 0) return;
      if (failed || kodi?.error) throw kodi?.error ?? failed?.errors.channels;
      // Why there is nothing says more than that.
      if (sources.length === 0) throw new Error(health().sentence);
    }

    /**
     * Each half is a guide source: a failure of it shows as that of its source, and core keeps the last good, says so,
     * and tries again soon. The channels' one holds what they are called.
     */
    function guide(): GuideSource[] {
      if (!lists) for (const source of configured) source.refresh("all");
      const asked = kodi?.error ? [{ name: "Kodi", bytes: () => throwing(kodi.error) }] : [];
      const given = all().flatMap((source): GuideSource[] => {
        const round = source.latest();
        async function* elements() {
          await round.channels;
          yield* source.channelElements();
        }
        async function* programmes() {
          await round.guide;
          yield* source.guide();
        }
        return [
          ...(source.hasChannels ? [{ name: `${source.name} channels`, bytes: elements }] : []),
          ...(source.hasGuide ? [{ name: `${source.name} guide`, bytes: programmes }] : []),
        ];
      });
      // Last, so that the others keep their places.
      return [...given, ...asked];
    }

    const health = () => ({
      ...summarise(status(), kodi && { error: kodi.error, missing: ofKodi.missing }),
      details: { sources: status() },
    });
    const status = () => all().map((source) => source.status(sentenceOf));

    return {
      ...(lists && { channels }),
      ...((configured.length > 0 || kodi) && { guide, health }),
      // A program that does not listen is ended all the same, before we are.
      stop: async () => void (await Promise.all([...all().map((source) => source.rest()), ...leaving])),
      routes(app) {
        prefix = app.config.prefix ?? "";
        logos.mountAt(prefix);
        return app
          .get("/status.json", () => Response.json({ sources: status() }, { headers: { "cache-control": "no-store" } }))
          .get("/channels.json", ({ request }) =>
            send(formatStreams(host.lineup.channels(), host.baseUrl(request)), "application/json"),
          )
          .get("/epg.json", ({ request }) => {
            const now = clock.now();
            const read = (channel: LineupChannel) => host.guide.programmes(channel, spanOf(now), request.signal);
            const text = formatEpg(host.lineup.channels(), host.baseUrl(request), now, read);
            return send(text, "application/json");
          })
          .get("/addon.zip", async ({ request }) => {
            const zip = await packAddon(host.baseUrl(request) + prefix);
            const named = { "content-disposition": 'attachment; filename="plugin.video.headend.zip"' };
            return new Response(new Uint8Array(zip), { headers: { "content-type": "application/zip", ...named } });
          })
          .post(
            "/play/:channel",
            async ({ params, request }) => {
              const channel = host.lineup.get(decoded(params.channel));
              if (!channel) throw new HeadendError("tune.unknown", { channel: params.channel });
              if (!kodi)
                throw new HeadendError("request.invalid", { reason: "this instance has no kodi in its config" });
              const url = channel.url ?? "";
              const address = isKodiAddress(url) ? url : `${host.baseUrl(request)}/live/${channelPath(channel.id)}.ts`;
              await kodi.play(address, request.signal);
              return Response.json({ channel: channel.id, playing: true });
            },
            { detail: { summary: "Plays a channel on the Kodi that the config names", security: [{ viewer: [] }] } },
          )
          .get("/logo/:source/*", async ({ params }) => {
            const found = await logos.read(params.source, decoded(params["*"]));
            if (!found) throw new HeadendError("not.found");
            return new Response(new Uint8Array(found.bytes), { headers: { "content-type": found.type, ...harmless } });
          });
      },
    };
  },
});

/** A picture is an add-on's: what it may have in it beside a picture does nothing. */
const harmless = {
  "cache-control": "max-age=86400",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  "x-content-type-options": "nosniff",
};

/** Text that is made while it is sent, and no faster. */
function send(text: Iterable<string> | AsyncIterable<string>, type: string): Response {
  const pieces = Symbol.asyncIterator in text ? text[Symbol.asyncIterator]() : text[Symbol.iterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await pieces.next();
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      async cancel() {
        await pieces.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
}

/** What follows in a path, as it was before it was encoded. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "";
  }
}

/** What the work gives, unless the signal aborts first; the work goes on, and what comes of it is kept. */
async function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let leave = () => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** A guide source that could not be asked. */
// biome-ignore lint/correctness/useYield: it never gets to its first
async function* throwing(error: unknown): AsyncGenerator<Uint8Array> {
  throw error;
}

function readLimits({ connect, silence, total, maxSize }: Config): Limits {
  const ms = (text: string) => parseDuration(text) ?? 0;
  return { connect: ms(connect), silence: ms(silence), total: ms(total), maxBytes: parseSize(maxSize) ?? 0 };
}
