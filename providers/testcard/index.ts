// The test card: two channels with a guide that need nothing from outside, so that something plays at once.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Clock, definePlugin } from "../../core/plugin.ts";
import { createLoop, type Loop } from "./loop.ts";
import { programmesOf } from "./programmes.ts";

const ids = ["1", "2"];
const clipMs = 8000;
const headers = { "content-type": "video/mp2t", "cache-control": "no-store" };

/** How far the stream runs ahead of the clock, so that players have something to start with. */
const lead = 1000;
/** A viewer who is later than this had paused, and goes on from where it was. */
const patience = 2000;

export default definePlugin({
  name: "testcard",
  api: 1,
  config: z.strictObject({}).meta({ description: "Two channels of colour bars, with a guide." }),

  async setup(host) {
    const loops = new Map<string, Loop>();
    for (const id of ids) {
      // The executable carries the clips beside its code, as the folder does.
      const clip = await readFile(join(import.meta.dirname, `testcard-${id}.mpegts`));
      loops.set(id, createLoop(clip, clipMs));
    }
    return {
      async *channels() {
        for (const id of ids)
          yield { id, name: `Test card ${id}`, url: `/${host.name}/${id}.ts`, groups: ["Test cards"] };
      },
      guide: (span) => [
        {
          ids: "channel",
          async *programmes() {
            for (const id of ids) yield* programmesOf(id, span);
          },
        },
      ],
      routes(app) {
        for (const [id, loop] of loops) {
          app.get(`/${id}.ts`, () => new Response(play(loop, host.clock, host.signal), { headers }));
          // Without a route of its own, HEAD would read the endless body.
          app.head(`/${id}.ts`, () => new Response(null, { headers }));
        }
        return app;
      },
    };
  },
});

/** Sends a loop at the pace of its own clock, one batch per demand, until the viewer or the instance goes. */
function play(loop: Loop, clock: Clock, signal: AbortSignal): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const stop = () => gone.abort();
  signal.addEventListener("abort", stop, { once: true });
  let start = clock.monotonic() - lead;
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      const { at, bytes } = loop.batch(next++);
      const early = start + at - clock.monotonic();
      if (early < -patience) start -= early;
      try {
        if (early > 0) await clock.sleep(early, gone.signal);
        controller.enqueue(bytes);
      } catch {
        if (signal.aborted) controller.close();
      }
    },
    cancel() {
      signal.removeEventListener("abort", stop);
      gone.abort();
    },
  });
}
