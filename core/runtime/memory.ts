// Gives back memory that nobody uses any more, where the runtime can be told to.

/**
 * Collects garbage now. For the end of a stretch of streaming work, whose buffers lie outside the heap and hardly move
 * the collector by themselves.
 */
export function releaseMemory(): void {
  if (typeof Bun !== "undefined") Bun.gc(true);
}

/**
 * Asks for a collection, which may hold up everything for tens of milliseconds. For the end of a stretch that has left
 * much garbage, where nobody is being served: the heap grows less.
 */
export function releaseMemorySoon(): void {
  if (typeof Bun !== "undefined") Bun.gc(false);
}
