// One request and its answer: deadlines, limits, and a body that fails with a sentence instead of hanging.
import { HeadendError } from "../errors.ts";
import { formatDuration, formatSize } from "../formats/duration.ts";
import type { Clock, FetchOptions } from "../plugin.ts";
import { describeUrl } from "../redact.ts";
import { bodyFailureOf, failureOf } from "./failure.ts";

export interface Exchange extends Pick<FetchOptions, "body"> {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  /** Milliseconds left for the headers, of `allowed` for the whole chain of redirects. */
  readonly left: number;
  readonly allowed: number;
  readonly idle: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once, when the answer's body has ended, failed or been cancelled. */
  onEnd(): void;
}

/** What a coded body may grow by; only beyond `smallest` bytes, and where the coded length is known. */
const ratio = 250;
const smallest = 2 ** 24;

/** @throws HeadendError `fetch.*`, or the signal's reason. */
export async function exchange(x: Exchange): Promise<Response> {
  const shown = describeUrl(x.url.href);
  const control = new AbortController();
  const onAbort = () => control.abort(x.signal.reason);
  x.signal.addEventListener("abort", onAbort, { once: true });
  if (x.signal.aborted) onAbort();
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    x.signal.removeEventListener("abort", onAbort);
    x.onEnd();
  };
  control.signal.addEventListener("abort", end, { once: true });
  if (control.signal.aborted) end();

  const late = new HeadendError("fetch.timeout", { url: shown, limit: formatDuration(x.allowed) });
  const deadline = alarm(x.clock, x.left, () => control.abort(late));
  try {
    const response = await fetch(x.url.href, {
      method: x.method,
      headers: x.headers,
      redirect: "manual",
      signal: control.signal,
      ...(x.body === undefined ? {} : { body: x.body as BodyInit }),
    });
    return guard(response, x, shown, control, end);
  } catch (error) {
    end();
    throw control.signal.aborted ? control.signal.reason : failureOf(error, shown);
  } finally {
    deadline.abort();
  }
}

/** The answer with a watched body, and headers that fit it. */
function guard(response: Response, x: Exchange, shown: string, control: AbortController, end: () => void): Response {
  const headers = new Headers(response.headers);
  const { status, statusText } = response;
  let body: ReadableStream<Uint8Array> | null = null;
  if (response.body === null || x.method === "HEAD" || status === 204 || status === 205 || status === 304) {
    response.body?.cancel().catch(() => {});
    end();
  } else {
    const coding = headers.get("content-encoding");
    const expected = Number(headers.get("content-length")) || 0;
    if (expected > x.maxBytes) {
      const tooLarge = sizeError(shown, x.maxBytes);
      control.abort(tooLarge);
      throw tooLarge;
    }
    body = watch(response.body.getReader(), coding ? 0 : expected, coding ? expected : 0, x, shown, control, end);
    if (coding === "gzip" || coding === "br") {
      // The runtime has undone these two, yet left the headers of the coded body.
      headers.delete("content-encoding");
      headers.delete("content-length");
    }
  }
  const answer = new Response(body, { status, statusText, headers });
  // A made Response has no address; relative links in what it brings need one.
  Object.defineProperty(answer, "url", { value: x.url.href });
  return answer;
}

function watch(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  expected: number,
  coded: number,
  x: Exchange,
  shown: string,
  control: AbortController,
  end: () => void,
): ReadableStream<Uint8Array> {
  const limit = formatDuration(x.idle);
  let received = 0;
  // A body that nobody reads would keep its place at the origin for ever.
  const unread = alarm(x.clock, x.idle, () =>
    control.abort(new HeadendError("fetch.refused", { url: shown, reason: `its body was not read within ${limit}` })),
  );
  control.signal.addEventListener("abort", () => unread.abort(), { once: true });
  const ratioLimit = coded === 0 ? Number.POSITIVE_INFINITY : Math.max(smallest, coded * ratio);

  const stream: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      unread.abort();
      const stalled = alarm(x.clock, x.idle, () =>
        control.abort(new HeadendError("fetch.stalled", { url: shown, limit })),
      );
      try {
        const { done, value } = await readUnless(control.signal, reader);
        if (done) {
          if (received < expected) throw new HeadendError("fetch.truncated", { url: shown, received, expected });
          end();
          controller.close();
          return;
        }
        received += value.length;
        if (received > x.maxBytes) throw sizeError(shown, x.maxBytes);
        if (received > ratioLimit) throw new HeadendError("fetch.ratio", { url: shown, limit: ratio });
        controller.enqueue(value);
      } catch (error) {
        const failure = control.signal.aborted
          ? control.signal.reason
          : bodyFailureOf(error, shown, received, expected);
        control.abort(failure);
        throw failure;
      } finally {
        stalled.abort();
      }
    },
    async cancel(reason) {
      control.abort(reason);
      await reader.cancel(reason).catch(() => {});
    },
  };
  return new ReadableStream(stream, { highWaterMark: 0 });
}

/** The next chunk, or the signal's reason: Deno does not always end a read whose request is aborted. */
function readUnless(
  signal: AbortSignal,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReturnType<typeof reader.read> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      reader.cancel(signal.reason).catch(() => {});
    };
    const end = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    reader.read().then(resolve, reject).finally(end);
  });
}

function sizeError(url: string, limit: number): HeadendError {
  return new HeadendError("fetch.size", { url, limit: formatSize(limit) });
}

/** Rings once after `ms`, unless it is aborted before; never after Infinity, which no timer can hold. */
function alarm(clock: Clock, ms: number, ring: () => void): AbortController {
  const control = new AbortController();
  if (ms !== Number.POSITIVE_INFINITY) clock.sleep(ms, control.signal).then(ring, () => {});
  return control;
}
