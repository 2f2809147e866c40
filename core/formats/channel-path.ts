// A channel's id as a part of an address's path.

/**
 * Writes a channel's id for a path: percent-encoded (RFC 3986 §2.1), but for the colon between instance and id, which
 * a path segment may hold (§3.3) and people can read. `decodeURIComponent()` gives the id back.
 *
 * @example channelPath("italia:rai 1") // "italia:rai%201"
 */
export function channelPath(id: string): string {
  // Nearly all are made of these, which no encoding changes.
  if (/^[\w:.~-]*$/.test(id)) return id;
  return encodeURIComponent(id.toWellFormed()).replaceAll("%3A", ":");
}
