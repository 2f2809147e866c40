// The test card: two channels with a guide that need nothing from outside, so that something plays at once.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Clock, definePlugin } from "../../core/plugin.ts";
import { createLoop, type Loop } from "./loop.ts";
import { programmesOf } from "./programmes.ts";

const ids = ["1", "2"];
/** Numbers begin here: one that is given is never given again, and the low ones are for what people bring. */
const firstNumber = 9991;
const clipMs = 8000;

/** How far the stream runs ahead of the clock, so that players have something to start with. */
const lead = 1000;
/** Who reads later than this had paused, and goes on from where it was. */
const patience = 2000;

export default definePlugin({
  name: "testcard",
  api: 1,
  config: z.strictObject({}).meta({ description: "Two channels of colour bars, with a guide." }),

  setup(host) {
    return {
      async *channels() {
        for (const [at, id] of ids.entries()) {
          const number = String(firstNumber + at);
          yield { id, name: `Test card ${id}`, number, url: `/${host.name}/${id}.ts`, groups: ["Test cards"] };
        }
      },
      guide: (span) => [
        {
          ids: "channel",
          async *programmes() {
            for (const id of ids) yield* programmesOf(id, span);
          },
        },
      ],
      async open({ channel }, signal) {
        return { kind: "ts", chunks: play(await loopOf(channel.ownId ?? ""), host.clock, signal), how: "test card" };
      },
      routes: (app) => app.get("/:file", ({ request, params }) => redirectToLive(request, params.file)),
    };

    /** Addresses that earlier playlists have. */
    function redirectToLive(request: Request, file: string): Response {
      const location = `${host.baseUrl(request)}/live/${host.name}:${file}`;
      return new Response(null, { status: 302, headers: { location } });
    }
  },
});

const loops = new Map<string, Promise<Loop>>();

/** The loop of a clip; the executable carries the clips beside its code, as the folder does. */
function loopOf(id: string): Promise<Loop> {
  let loop = loops.get(id);
  if (!loop) {
    loop = readFile(join(import.meta.dirname, `testcard-${id}.mpegts`)).then((clip) => createLoop(clip, clipMs));
    loops.set(id, loop);
  }
  return loop;
}

/** The first test card, for whoever has nothing else to show. */
export async function* slate(clock: Clock, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield* play(await loopOf("1"), clock, signal);
}

/** A loop at the pace of its own clock, batch by batch, until the signal aborts. */
async function* play(loop: Loop, clock: Clock, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let start = clock.monotonic() - lead;
  for (let next = 0; !signal.aborted; next++) {
    const { at, bytes } = loop.batch(next);
    const early = start + at - clock.monotonic();
    if (early < -patience) start -= early;
    if (early > 0 && !(await slept(clock.sleep(early, signal)))) return;
    yield bytes;
  }
}

/** False when it was woken before its time. */
const slept = (sleep: Promise<void>): Promise<boolean> =>
  sleep.then(
    () => true,
    () => false,
  );
