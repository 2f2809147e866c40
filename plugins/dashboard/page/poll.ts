// Asks again and again while the page is seen.

export interface Poll {
  /** Asks now, or right after what is under way. */
  now(): Promise<void>;
  stop(): void;
}

/** @param every milliseconds from the end of one round to the next */
export function createPoll(every: number, round: (signal: AbortSignal) => Promise<void>): Poll {
  const over = new AbortController();
  let timer: number | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    window.clearTimeout(timer);
    if (over.signal.aborted) return;
    await round(over.signal).catch(() => {});
    running = undefined;
    if (!document.hidden && !over.signal.aborted) timer = window.setTimeout(() => void start(), every);
  }

  function start(): Promise<void> {
    running ??= run();
    return running;
  }

  document.addEventListener("visibilitychange", () => void (document.hidden ? window.clearTimeout(timer) : start()), {
    signal: over.signal,
  });
  void start();
  return {
    async now() {
      await running;
      await start();
    },
    stop() {
      window.clearTimeout(timer);
      over.abort();
    },
  };
}
