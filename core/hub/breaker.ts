// Remembers which upstreams failed lately, so that a good one is tried before a bad one and a bad one is left in peace.

const shortest = 1000;
const longest = 60_000;
/** Who failed within so long is tried after who did not, though it has rested enough. */
const avoided = 60_000;
/** After so long without a failure, the next one is a first one. */
const forgotten = 600_000;

/** Failures by upstream; times are a monotonic clock's, in milliseconds. */
export interface Breaker {
  /** Candidates in the order in which to try them: those that work, in their own order, then whose failure is longest ago. */
  order<T extends { readonly key: string }>(candidates: readonly T[], now: number): T[];
  /** Milliseconds until an upstream should be tried again; 0 when at once. */
  rest(key: string, now: number): number;
  failed(key: string, now: number): void;
  worked(key: string): void;
}

/** Holds an entry for an upstream that failed, at most `most`, the oldest forgotten first. */
export function createBreaker(most = 10_000): Breaker {
  const records = new Map<string, { failures: number; at: number; until: number }>();
  const rest = (key: string, now: number) => Math.max(0, (records.get(key)?.until ?? 0) - now);
  return {
    order(candidates, now) {
      const blame = ({ key }: { readonly key: string }) => {
        const record = records.get(key);
        return record ? Math.max(0, record.at + avoided - now, record.until - now) : 0;
      };
      return candidates.toSorted((a, b) => blame(a) - blame(b));
    },
    rest,
    failed(key, now) {
      const before = records.get(key);
      const failures = before && now - before.until < forgotten ? before.failures + 1 : 1;
      records.delete(key);
      records.set(key, { failures, at: now, until: now + Math.min(longest, shortest * 2 ** (failures - 1)) });
      const oldest = records.keys().next();
      if (records.size > most && !oldest.done) records.delete(oldest.value);
    },
    worked(key) {
      records.delete(key);
    },
  };
}
