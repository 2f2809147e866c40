// Callbacks after a change: one that throws is told of in the log and disturbs nobody.

import type { Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";

export interface Listeners {
  add(callback: () => void, signal: AbortSignal): void;
  call(): void;
}

export function createListeners(log: Logger): Listeners {
  const callbacks = new Set<() => void>();
  return {
    add(callback, signal) {
      if (signal.aborted) return;
      callbacks.add(callback);
      signal.addEventListener("abort", () => callbacks.delete(callback), { once: true });
    },
    call() {
      for (const callback of callbacks) {
        try {
          callback();
        } catch (error) {
          log.error(`a listener failed: ${reasonOf(error)}`, { error });
        }
      }
    },
  };
}
