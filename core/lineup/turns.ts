// Who numbers its channels first: instances in the config's order, as long as nobody has to wait for long.
import type { Clock } from "../plugin.ts";

export interface Turns {
  /** Somebody is about to come. */
  expect(name: string): void;
  /** It has come, or will not. */
  end(name: string): void;
  /** Waits for those who are expected and stand before `name` in the order, but not longer than the limit. */
  wait(name: string, order: readonly string[]): Promise<void>;
}

export function createTurns(clock: Clock, limit: number): Turns {
  const expected = new Map<string, { readonly ended: Promise<void>; end(): void }>();
  return {
    expect(name) {
      if (expected.has(name)) return;
      let end = () => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      expected.set(name, { ended, end });
    },
    end(name) {
      expected.get(name)?.end();
      expected.delete(name);
    },
    async wait(name, order) {
      const place = order.indexOf(name);
      const before = order.slice(0, Math.max(place, 0)).flatMap((other) => expected.get(other)?.ended ?? []);
      if (before.length === 0) return;
      const patience = new AbortController();
      await Promise.race([Promise.all(before), clock.sleep(limit, patience.signal).catch(() => {})]);
      patience.abort();
    },
  };
}
