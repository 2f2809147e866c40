// How much memory a stream may take, at most.

/** Bytes. */
export interface Sizes {
  /** Kept of a stream for viewers that are a little late. */
  readonly kept: number;
  /** Kept of a stream for the sake of its newest picture. */
  readonly most: number;
  /** Waiting for one viewer, besides what is kept for all. */
  readonly body: number;
  /** How far a patient upstream is read ahead of its fastest viewer. */
  readonly ahead: number;
}

export const usualSizes: Sizes = { kept: 4 * 2 ** 20, most: 16 * 2 ** 20, body: 512 * 1024, ahead: 2 ** 20 };
