// The core's own routes: health, state, lineup and guide as JSON, refresh by hand, and their description.
import type { AnyElysia } from "elysia";
import { z } from "zod";
import { probeHeader } from "../doctor/mark.ts";
import { HeadendError } from "../errors.ts";
import { isKodiAddress } from "../formats/kodi-address.ts";
import type { LineupChannel } from "../types.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Doctor, Headend } from "./headend.ts";
import { describeApps } from "./openapi.ts";
import type { Router } from "./router.ts";

const day = 86_400_000;
const longestSpan = 7 * day;
const mostProgrammes = 1000;

const paging = {
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
};
const instant = z
  .string()
  .transform((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)))
  .refine(Number.isFinite, "expected an ISO 8601 time, or milliseconds since 1970");

/** Makes the core's app; it stands at the root. */
export function createApi(
  router: Router,
  headend: Headend,
  { baseUrl, isStranger }: Pick<Arrivals, "baseUrl" | "isStranger">,
  doctor?: Doctor,
): AnyElysia {
  const status = createText(() => headend.status());
  return router
    .createApp("/")
    .get(
      "/healthz",
      ({ request }) => {
        const { ok, problems } = headend.health();
        // A stranger learns nothing of paths and sources.
        const answer = json(isStranger(request) ? { ok } : { ok, problems }, ok ? 200 : 503);
        if (doctor?.marks(request)) answer.headers.set(probeHeader, request.headers.get(probeHeader) ?? "");
        return answer;
      },
      {
        detail: {
          summary: "200 while everything that is served is young enough; else 503, and which is not, but for strangers",
        },
      },
    )
    .get("/readyz", () => json({ ready: headend.ready() }, headend.ready() ? 200 : 503), {
      detail: { summary: "200 once every instance had its first try and the merged files are served" },
    })
    .get("/api/status", () => new Response(status(), jsonInit), {
      detail: { summary: "Every instance: state, last error, last success, counts" },
    })
    .post(
      "/api/instances/:instance/refresh",
      async ({ params, query, request }) => {
        const instance = known(params.instance);
        // Refused at once or begun: what becomes of it is in /api/status.
        headend.refresh(instance, query.clean === "1").catch(() => {});
        return json({ instance, status: `${baseUrl(request)}/api/status` }, 202);
      },
      {
        params: z.object({ instance: z.string() }),
        query: z.object({ clean: z.enum(["0", "1"]).default("0") }),
        detail: { summary: "Starts a refresh; clean=1 forgets what was cached" },
      },
    )
    .get(
      "/api/lineup",
      ({ query }) => {
        const all = headend.lineup.channels(query.instance);
        const channels = query.only === "kodi" ? all.filter(({ url }) => url && isKodiAddress(url)) : all;
        const page = channels.slice(query.offset, query.offset + query.limit).map(describeChannel);
        return json({ ready: headend.lineup.ready, total: channels.length, offset: query.offset, channels: page });
      },
      {
        query: z.object({ ...paging, instance: z.string().optional(), only: z.enum(["kodi"]).optional() }),
        detail: { summary: "Channels in order of number; only=kodi: those that nothing but Kodi can play" },
      },
    )
    .get(
      "/api/guide/matches",
      async ({ query }) => {
        const matches = headend.guide.matches();
        return json({
          total: matches.length,
          offset: query.offset,
          matches: matches.slice(query.offset, query.offset + query.limit),
          unmatched: await headend.guide.unmatched(),
        });
      },
      {
        query: z.object(paging),
        detail: { summary: "Which guide id found which channel, by which step; and what found none" },
      },
    )
    .get(
      "/api/guide/:channel",
      async ({ params, query, request }) => {
        const channel = headend.lineup.get(params.channel);
        if (!channel) throw new HeadendError("not.found");
        const { from, to } = query;
        if (from === undefined) return json({ channel: channel.id, ...(await headend.guide.nowNext(channel)) });
        const span = { from, to: Math.min(to ?? from + day, from + longestSpan) };
        const programmes = await headend.guide.programmes(channel, span, request.signal);
        const page = programmes.slice(0, mostProgrammes);
        return json({ channel: channel.id, ...span, programmes: page, more: programmes.length > page.length });
      },
      {
        params: z.object({ channel: z.string() }),
        query: z.object({ from: instant.optional(), to: instant.optional() }),
        detail: {
          summary: "A channel's programmes: now and next, or from a time to another, at most seven days later",
        },
      },
    )
    .get("/openapi", () => describeApps(router.apps(), headend.version), { detail: { hide: true } })
    .get("/openapi/json", () => describeApps(router.apps(), headend.version), { detail: { hide: true } });

  function known(instance: string): string {
    const status = headend.status().instances.find(({ name }) => name === instance);
    if (!status) throw new HeadendError("instance.unknown", { instance });
    if (status.state === "invalid") throw new HeadendError("instance.setup", { reason: status.sentence });
    return instance;
  }
}

const jsonInit = { headers: { "content-type": "application/json", "cache-control": "no-store" } };

function json(value: unknown, status = 200): Response {
  const headers = status === 503 ? { ...jsonInit.headers, "retry-after": "30" } : jsonInit.headers;
  return new Response(JSON.stringify(value), { status, headers });
}

/** JSON of a value that stays the same object until it changes. */
function createText(value: () => object): () => string {
  let last: object | undefined;
  let text = "";
  return () => {
    const current = value();
    if (current !== last) {
      last = current;
      text = JSON.stringify(current);
    }
    return text;
  };
}

/** Without addresses and headers: those may hold the user's credentials upstream. */
function describeChannel(channel: LineupChannel): object {
  const { id, instance, number, name, guideId, groups = [], logo, radio = false, catchup } = channel;
  const past = catchup && { mode: catchup.mode, days: catchup.days };
  return { id, instance, number, name, guideId, groups, logo, radio, catchup: past };
}
