// What is watched now, as JSON, and an end to it by hand; figures for Prometheus.
import type { AnyElysia, Elysia } from "elysia";
import { z } from "zod";
import { HeadendError } from "../errors.ts";
import type { StreamStatus } from "../plugin.ts";
import type { Streams } from "./headend.ts";

const json = { "content-type": "application/json", "cache-control": "no-store" };

/** Fills an app that stands at the root. */
export function fillStreams(app: Elysia, streams: Streams): AnyElysia {
  return app
    .get("/api/streams", () => Response.json({ streams: streams.hub.streams().map(describe) }, { headers: json }), {
      detail: { summary: "Who watches what, since when, from which upstream, with how much waiting" },
    })
    .delete(
      "/api/streams/:id",
      ({ params }) => {
        if (!streams.hub.end(params.id)) throw new HeadendError("not.found");
        return new Response(null, { status: 204 });
      },
      {
        params: z.object({ id: z.string() }),
        detail: { summary: "Ends a stream with all its viewers, or one viewer's watch" },
      },
    )
    .get(
      "/metrics",
      async () =>
        new Response(await streams.metrics(), {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" },
        }),
      { detail: { summary: "Figures in Prometheus' text format" } },
    );
}

/** Times in ISO 8601, as everywhere in the API. */
function describe(stream: StreamStatus): object {
  const { at, since, viewers } = stream;
  return {
    ...stream,
    since: new Date(since).toISOString(),
    ...(at === undefined ? {} : { at: new Date(at).toISOString() }),
    viewers: viewers.map((viewer) => ({ ...viewer, since: new Date(viewer.since).toISOString() })),
  };
}
