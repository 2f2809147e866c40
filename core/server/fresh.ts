// Answers "is it still this?" at once where the app has just said so: most of what polling players ask is the same again.

/** An answer of 304, and when it may be given again without asking. */
export interface Freshness {
  /** The `If-None-Match` that it answers. */
  readonly etag: string;
  /** The `Accept-Encoding` that it answers; undefined when that makes no difference. */
  readonly accept: string | null | undefined;
  /** True as long as the same request would be answered the same. */
  holds(): boolean;
}

/** By request: the answer itself may be made anew on its way. */
const notes = new WeakMap<Request, Freshness>();

/** Says of a request that its answer is a 304, and how long that holds. */
export function noteFreshness(request: Request, freshness: Freshness): void {
  notes.set(request, freshness);
}

export interface FreshAnswers {
  /** The answer to a GET that was given before and still holds. */
  find(request: Request, url: string): Response | undefined;
  /** Remembers an answer, if it says of itself that it may be given again. */
  keep(request: Request, url: string, response: Response): void;
  /** Forgets all: somebody else may answer now, or say other things. */
  clear(): void;
}

/** Addresses that are remembered; whoever asks for more begins anew. */
const most = 256;

export function createFreshAnswers(): FreshAnswers {
  const known = new Map<string, Freshness & { readonly response: Response }>();
  return {
    find(request, url) {
      const answer = known.get(url);
      if (!answer || request.method !== "GET") return undefined;
      if (!answer.holds()) {
        known.delete(url);
        return undefined;
      }
      const { headers } = request;
      if (headers.get("if-none-match") !== answer.etag) return undefined;
      if (answer.accept !== undefined && headers.get("accept-encoding") !== answer.accept) return undefined;
      return answer.response.clone();
    },
    keep(request, url, response) {
      const freshness = notes.get(request);
      if (!freshness || request.method !== "GET" || response.status !== 304) return;
      if (known.size >= most) known.clear();
      known.set(url, { ...freshness, holds: freshness.holds, response: response.clone() });
    },
    clear: () => known.clear(),
  };
}
