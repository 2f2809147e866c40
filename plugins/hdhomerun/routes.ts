// The addresses of a device: what it says of itself, its lineup, its scan, its guide and its pictures.
import type { AnyElysia, Elysia } from "elysia";
import { deviceErrorOf } from "../../core/formats/device-error.ts";
import {
  type Clock,
  type GuideStyle,
  HeadendError,
  type LineupChannel,
  replyFile,
  type StreamHub,
  type Viewer,
} from "../../core/plugin.ts";
import type { DeviceChannels, Mark } from "./channels.ts";
import {
  type Device,
  formatDescription,
  formatDiscover,
  formatLineup,
  formatLineupM3u,
  formatLineupXml,
  formatPage,
  formatStatus,
} from "./documents.ts";
import type { DeviceGuide } from "./guide.ts";
import type { Scan } from "./scan.ts";
import { createSentDocuments, headersOf } from "./sent-documents.ts";
import { occupy, type Tuners } from "./tuners.ts";

export interface RoutesOptions {
  readonly device: Device;
  readonly channels: DeviceChannels;
  readonly tuners: Tuners;
  readonly scan: Scan;
  readonly guide: DeviceGuide;
  readonly clock: Clock;
  readonly hub: StreamHub;
  /** The address by which the sender of a request reaches the server or port that it came to. */
  baseUrl(request: Request): string;
  viewer(request: Request): Viewer & { readonly address: string };
  /** Whether who comes from this address is answered at a port of the device's own. */
  admits(address: string): boolean;
  /** What people are to be warned of. */
  warning(): string | undefined;
}

/** Where routes are put. */
export interface Place {
  /** At a port of its own nobody else has asked who comes. */
  readonly guarded: boolean;
  /** At the server's root, page and guide are another's. */
  readonly root: boolean;
}

type Context = {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
};
type Answer = Response | Promise<Response>;

const streamHeaders = { "content-type": "video/mp2t", "cache-control": "no-store" } as const;
const styles: readonly GuideStyle[] = ["plain", "plex", "kodi", "jellyfin"];
export type FillRoutes = (app: Elysia, place: Place) => AnyElysia;

export function createRoutes(o: RoutesOptions): FillRoutes {
  const { device, channels, tuners, scan, clock } = o;
  const documents = createSentDocuments(() => channels.version);

  /** The device's own address: what is before a path of its in the request, whatever instance it is below. */
  function baseOf(request: Request, path: string): string {
    const { pathname } = new URL(request.url);
    return o.baseUrl(request) + pathname.replace(/\/+$/, "").slice(0, path === "/" ? undefined : -path.length);
  }

  async function watch(context: Context, channel: LineupChannel | undefined, number: string, wanted?: number) {
    const { request, query } = context;
    if (!channel) throw new HeadendError("tune.unknown", { channel: number });
    const duration = readDuration(query.duration);
    if (request.method === "HEAD") return new Response(null, { headers: streamHeaders });
    const viewer = o.viewer(request);
    const seat = tuners.take(viewer.name, channel, wanted, viewer.priority === "probe");
    try {
      const waiting = AbortSignal.any([request.signal, seat.signal]);
      const watching = await o.hub.watch({ channel }, viewer, waiting);
      return new Response(occupy(watching, seat, clock, duration), { headers: streamHeaders });
    } catch (error) {
      seat.leave();
      throw error;
    }
  }

  /** `v<number>`; a frequency (`ch…`) is for tuners that have an aerial. */
  function watchNumber(context: Context, wanted?: number): Promise<Response> {
    const name = decode(context.params.channel ?? "");
    const number = /^v(.+)$/.exec(name)?.[1];
    return watch(context, number === undefined ? undefined : channels.byNumber(number), name, wanted);
  }

  function watchId(context: Context): Promise<Response> {
    const id = decode(context.params.channel ?? "");
    return watch(context, channels.byId(id) ?? channels.byId(id.replace(/\.ts$/, "")), id);
  }

  async function post({ request, query }: Context): Promise<Response> {
    // No page has business here, whatever name it came by: one of another site may have made a name lead to us.
    const { headers, method } = request;
    if (headers.has("origin") || (headers.get("sec-fetch-site") ?? "none") !== "none")
      throw new HeadendError("access.origin");
    if (query.scan === "start") scan.start();
    else if (query.scan === "abort") scan.abort();
    else if (query.favorite !== undefined && method === "POST") {
      // A plus in a query is a space, by the rules of forms.
      const [, sign = "", number = ""] = /^([+ x-])(.+)$/.exec(query.favorite) ?? [];
      const mark: Mark | undefined = sign === "x" ? "hidden" : sign === "-" ? undefined : "favourite";
      if (sign === "")
        throw new HeadendError("request.invalid", { reason: "favorite: expected + - or x and a number" });
      if (!(await channels.mark(number, mark))) throw new HeadendError("tune.unknown", { channel: number });
    } else
      throw new HeadendError("request.invalid", { reason: "expected scan=start, scan=abort, or POST with favorite=" });
    return json("{}");
  }

  async function guide({ request, query }: Context, isPacked: boolean): Promise<Response> {
    const style = styles.find((each) => each === (query.style ?? "plex"));
    if (!style) throw new HeadendError("request.invalid", { reason: `style: expected one of ${styles.join(", ")}` });
    const artefact = await o.guide.artefact(style);
    if (!artefact) throw new HeadendError("not.ready");
    return isPacked
      ? replyFile(request, artefact, { type: "application/gzip", filename: "guide.xml.gz" })
      : replyFile(request, artefact, { type: "application/xml", encoding: "gzip" });
  }

  return (app, { guarded, root }) => {
    /** Answers an address, or says why not in the words of the device. */
    const answering = (handler: (context: Context) => Answer) => async (context: unknown) => {
      const { request, set } = context as { request: Request; set: { headers: Record<string, string> } };
      try {
        if (guarded) {
          const { address } = o.viewer(request);
          if (!o.admits(address)) throw new HeadendError("access.network", { address: address || "this client" });
        }
        return await handler(context as Context);
      } catch (error) {
        if (error instanceof HeadendError && /^(tune|dial)\./.test(error.code))
          set.headers["x-hdhomerun-error"] = deviceErrorOf(error.code);
        throw error;
      }
    };
    const get = (path: string, handler: (context: Context) => Answer) => app.get(path, answering(handler));
    const document = (path: string, type: string, format: (base: string, everything: boolean) => string) =>
      get(path, ({ request, query }) => {
        const base = baseOf(request, path);
        const everything = query.show === "found" || query.show === "all";
        return documents.get(`${path} ${everything} ${base}`, type, () => format(base, everything));
      });
    const stream = (path: string, handler: (context: Context) => Answer) => {
      get(path, handler);
      app.head(path, answering(handler));
    };

    document("/discover.json", "application/json", (base) => formatDiscover(device, base));
    document("/device.xml", "application/xml", (base) => formatDescription(device, base));
    document("/lineup.json", "application/json", (base, all) => formatLineup(channels.all(), base, all));
    document("/lineup.xml", "application/xml", (base, all) => formatLineupXml(channels.all(), base, all));
    document("/lineup.m3u", "audio/x-mpegurl; charset=utf-8", (base) =>
      formatLineupM3u(channels.all(), base, root ? "/guide.xml.gz" : "/guide.xml.gz?style=kodi"),
    );
    get("/lineup_status.json", () => json(formatStatus(scan.progress, () => channels.all().length)));
    // Some clients start scans by GET, which an image of any page can; a HEAD must not act.
    // Plex sends it, as the viewer that it is.
    app.post("/lineup.post", answering(post), { detail: { security: [{ viewer: [] }] } });
    get("/lineup.post", post);
    app.head(
      "/lineup.post",
      answering(() => json("{}")),
    );
    stream("/auto/:channel", (context) => watchNumber(context));
    stream("/stream/:channel", watchId);
    for (let tuner = 0; tuner < tuners.count; tuner++)
      stream(`/tuner${tuner}/:channel`, (context) => watchNumber(context, tuner));
    if (root) return app;
    get("/guide.xml", (context) => guide(context, false));
    get("/guide.xml.gz", (context) => guide(context, true));
    document("/", "text/html; charset=utf-8", (base) => formatPage(device, base, channels.all().length, o.warning()));
    return app;
  };
}

function json(text: string): Response {
  return new Response(text, { headers: headersOf("application/json", text.length) });
}

/** Seconds as milliseconds. @throws HeadendError `request.invalid` */
function readDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (seconds < 1) throw new HeadendError("request.invalid", { reason: "duration: expected a number of seconds" });
  return seconds * 1000;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
