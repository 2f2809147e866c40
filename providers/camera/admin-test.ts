// Tries a camera that is not saved yet: opens its link as a viewer would, says what it sends or why it does not, and closes it.
import { type Clock, type Dial, HeadendError, type HlsSource, type MediaWish } from "../../core/plugin.ts";
import { readFacts } from "./admin-looks.ts";
import type { Facts } from "./facts.ts";

export interface Tested extends Facts {
  /** How it was reached: `rtsp over tcp`, `ffmpeg`. */
  readonly how: string;
  /** Milliseconds until it was known what it sends. */
  readonly took: number;
}

export interface Tester {
  /** @throws HeadendError: the exact reason why nothing comes */
  test(url: string, media: MediaWish, signal: AbortSignal): Promise<Tested>;
}

export interface TesterOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Joins an HLS source into a transport stream. */
  join(source: HlsSource, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** Milliseconds that one test may take; and tests under way at once. */
const limit = 15_000;
const mostTests = 4;

export function createTester(o: TesterOptions): Tester {
  const { clock } = o;
  let under = 0;

  async function run(url: string, media: MediaWish, signal: AbortSignal): Promise<Tested> {
    const began = clock.monotonic();
    const source = await o.dial(url, { signal, media });
    const body = source.kind === "hls" ? await o.join(source, signal) : streamOf(source.chunks);
    const end = () => void body.cancel(signal.reason).catch(() => {});
    signal.addEventListener("abort", end, { once: true });
    const facts = await readFacts(body).finally(() => signal.removeEventListener("abort", end));
    signal.throwIfAborted();
    if (!facts?.video && !facts?.audio)
      throw new HeadendError("request.invalid", { reason: "it answers, but neither pictures nor sound came" });
    const how = source.kind === "hls" ? "HLS" : (source.how ?? "");
    return { ...facts, how, took: Math.round(clock.monotonic() - began) };
  }

  return {
    async test(url, media, signal) {
      if (under >= mostTests)
        throw new HeadendError("request.invalid", { reason: "four tests run already; wait for one" });
      under++;
      const over = new AbortController();
      const whole = AbortSignal.any([o.signal, signal, over.signal]);
      const late = new HeadendError("tune.late", { channel: "the camera", limit: `${limit / 1000}s` });
      clock.sleep(limit, whole).then(
        () => over.abort(late),
        () => {},
      );
      try {
        return await run(url, media, whole);
      } catch (thrown) {
        if (over.signal.aborted) throw late;
        throw thrown;
      } finally {
        over.abort();
        under--;
      }
    },
  };
}

/** Upstream's chunks as a body: cancelling it closes upstream. */
function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const each = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await each.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await each.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
