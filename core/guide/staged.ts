// The files of a merge, told apart by what they hold.

/** What is in the staging folder when a merge has ended well. */
export const staged = {
  guide: "guide.xml.gz",
  index: "index",
  channels: "channels",
  matches: "matches",
  unmatched: "unmatched",
} as const;
