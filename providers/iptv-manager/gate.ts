// Lets a few of many run at once; the others wait their turn.

export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

export function createGate(most: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The place goes from one to the next without being free in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
