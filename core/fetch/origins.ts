// Keeps every origin from more than a few requests at once, whoever asks; first come, first served.

export interface OriginLimiter {
  /** Waits for a place at an origin; the function it gives leaves that place, once. Rejects with the signal's reason. */
  enter(origin: string, signal: AbortSignal): Promise<() => void>;
}

interface Origin {
  busy: number;
  readonly waiting: Set<() => void>;
}

/** One limiter serves all instances: two playlists of one provider share its patience. */
export function createOriginLimiter(limit = 4): OriginLimiter {
  const origins = new Map<string, Origin>();

  return {
    enter(name, signal) {
      const origin = origins.get(name) ?? { busy: 0, waiting: new Set() };
      origins.set(name, origin);
      const take = () => {
        origin.busy++;
        let inside = true;
        return () => {
          if (!inside) return;
          inside = false;
          origin.busy--;
          const [next] = origin.waiting;
          if (next) next();
          else if (origin.busy === 0) origins.delete(name);
        };
      };
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (origin.busy < limit) return resolve(take());
        const next = () => {
          origin.waiting.delete(next);
          signal.removeEventListener("abort", onAbort);
          resolve(take());
        };
        const onAbort = () => {
          origin.waiting.delete(next);
          reject(signal.reason);
        };
        origin.waiting.add(next);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
