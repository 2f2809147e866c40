// What the guide is made for: one id of the output, and everything by which sources may call it.

/** What the guide is made for: one id of the output. Several targets may share a match key; each gets the programmes. */
export interface GuideTarget {
  /** The id in the output. */
  readonly id: string;
  /** The `tvg-id` to match; absent: by name only. */
  readonly guideId?: string;
  readonly names: readonly string[];
  readonly instances: readonly string[];
  /** `<instance>:<id>`, for sources whose ids are the instance's own. */
  readonly channelIds: readonly string[];
  /** Milliseconds added to the times. */
  readonly shift: number;
  readonly name: string;
  readonly number: string;
  readonly logo?: string;
}
