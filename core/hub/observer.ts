// What the hub tells of itself while it happens; metrics listen.

/** Each is called at once and must not throw. Durations in milliseconds. */
export interface HubObserver {
  /** A viewer has come, or gone; recordings, probes and taps are none. */
  joined(): void;
  left(): void;
  /** Bytes from upstream. */
  received(bytes: number): void;
  /** From the wish to the first byte, or the first picture. */
  firstByte(ms: number): void;
  firstPicture(ms: number): void;
  stalled(): void;
  failedOver(): void;
  /** Nobody gave way for a claim. */
  refused(): void;
  /** Continuity counters that jumped. */
  discontinued(count: number): void;
}

const nothing = () => {};

/** Listens to nothing. */
export const silentObserver: HubObserver = {
  joined: nothing,
  left: nothing,
  received: nothing,
  firstByte: nothing,
  firstPicture: nothing,
  stalled: nothing,
  failedOver: nothing,
  refused: nothing,
  discontinued: nothing,
};
