// The first packets of a transport stream, judged as a player does that wants to begin.
import { findSync, packetLength, parsePat, parsePmt, pidOf } from "./mpegts.ts";

/** Packets within which the PAT must be, and its map: players that look at the first bytes only give up after them. */
const tablesWithin = 64;

/** What the first packets say: the kinds of streams they announce, or what a player could not begin with. */
export type FirstPackets = { readonly video: boolean; readonly audio: boolean } | { readonly fault: string };

/**
 * Undefined while more bytes are needed. `ended`: no more will come.
 *
 * @example judgeFirstPackets(new TextEncoder().encode("<html>"), true) // { fault: "no transport stream came" }
 */
export function judgeFirstPackets(bytes: Uint8Array, ended: boolean): FirstPackets | undefined {
  if (bytes.length < 3 * packetLength && !ended) return undefined;
  if (bytes.length === 0) return { fault: "not a byte came" };
  const start = findSync(bytes);
  if (start === undefined) return { fault: "no transport stream came" };
  if (start > 0) return { fault: `the first packet begins after ${start} bytes of something else` };
  let maps: ReadonlySet<number> | undefined;
  let at = 0;
  for (let count = 0; at + packetLength <= bytes.length && count < tablesWithin; at += packetLength, count++) {
    const pid = pidOf(bytes, at);
    if (pid === 0) maps = new Set(parsePat(bytes, at)?.values() ?? maps);
    else if (maps?.has(pid)) {
      const kinds = parsePmt(bytes, at)?.streams.map(({ kind }) => kind);
      if (kinds) return { video: kinds.includes("video"), audio: kinds.includes("audio") };
    }
  }
  if (!ended && at < tablesWithin * packetLength) return undefined;
  const within = `within the first ${at / packetLength} packets`;
  return { fault: maps ? `no programme map (PMT) came ${within}` : `no table of programmes (PAT) came ${within}` };
}
