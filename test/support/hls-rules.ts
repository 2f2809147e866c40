// A strict reader of live media playlists: what RFC 8216 and its second edition (draft-pantos-hls-rfc8216bis) forbid, by clause.
// It shares nothing with the reader and the writer of `core/formats/hls`.

export interface RuledPart {
  readonly uri: string;
  readonly duration: number;
  readonly independent: boolean;
}

export interface RuledSegment {
  readonly uri: string;
  /** Seconds. */
  readonly duration: number;
  readonly sequence: number;
  readonly discontinuity: number;
  readonly map: string | undefined;
  readonly date: number | undefined;
  readonly parts: readonly RuledPart[];
}

export interface Ruled {
  readonly faults: readonly string[];
  readonly target: number;
  readonly partTarget: number | undefined;
  readonly segments: readonly RuledSegment[];
  /** Parts of the segment that is not there yet, and the one that comes next. */
  readonly rest: readonly RuledPart[];
  readonly hint: string | undefined;
  /** The discontinuity sequence number at its end. */
  readonly lastDiscontinuity: number;
}

const known =
  /^#(?:EXTM3U|EXT-X-(?:VERSION|TARGETDURATION|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|INDEPENDENT-SEGMENTS|SERVER-CONTROL|PART-INF|MAP|PROGRAM-DATE-TIME|PART|PRELOAD-HINT|DISCONTINUITY)|EXTINF)(?=:|$)/;
const onceOnly = [
  "VERSION",
  "TARGETDURATION",
  "MEDIA-SEQUENCE",
  "DISCONTINUITY-SEQUENCE",
  "SERVER-CONTROL",
  "PART-INF",
  "INDEPENDENT-SEGMENTS",
];

/** Reads one playlist; `before` is what the same address gave earlier. */
export function readByRules(text: string, before?: Ruled): Ruled {
  const faults: string[] = [];
  const fault = (clause: string, sentence: string) => faults.push(`${clause}: ${sentence}`);
  const lines = text.split("\n");
  if (lines.pop() !== "") fault("§4.1", "the last line has no end");
  if (lines[0] !== "#EXTM3U") fault("§4.3.1.1", "it does not begin with #EXTM3U");
  if (lines.some((line) => /[\r\t]|^\s|\s$|^$/.test(line))) fault("§4.1", "spaces or empty lines");
  for (const name of onceOnly) {
    const count = lines.filter((line) => line.replace(/:.*/, "") === `#EXT-X-${name}`).length;
    if (count > 1) fault("§4.3", `EXT-X-${name} stands there ${count} times`);
  }
  const value = (name: string) => lines.find((line) => line.startsWith(`#EXT-X-${name}:`))?.slice(name.length + 8);
  const whole = (name: string, otherwise: number) => {
    const written = value(name);
    if (written !== undefined && !/^\d{1,15}$/.test(written)) fault("§4.2", `${name} is no whole number: ${written}`);
    return Number(written ?? otherwise);
  };
  const target = whole("TARGETDURATION", Number.NaN);
  if (Number.isNaN(target)) fault("§4.3.3.1", "no target duration");
  const version = whole("VERSION", 1);
  const control = attributesOf(value("SERVER-CONTROL") ?? "");
  const partTarget = Number(attributesOf(value("PART-INF") ?? "").get("PART-TARGET") ?? Number.NaN);
  const hasParts = !Number.isNaN(partTarget);

  const segments: RuledSegment[] = [];
  let discontinuity = whole("DISCONTINUITY-SEQUENCE", 0);
  const sequence = whole("MEDIA-SEQUENCE", 0);
  let map: string | undefined;
  let date: number | undefined;
  let duration: number | undefined;
  let parts: RuledPart[] = [];
  let hint: string | undefined;
  let begun = false;
  for (const line of lines) {
    if (line.startsWith("#") && !known.test(line)) fault("§4.1", `what is this: ${line}`);
    const [, tag = "", rest = ""] = /^#(?:EXT-X-)?([A-Z0-9-]+):?(.*)$/.exec(line) ?? [];
    if (hint !== undefined && !/^(?:PRELOAD-HINT)$/.test(tag))
      fault("bis §4.4.5.3", "something stands behind the hint");
    if (onceOnly.includes(tag) && begun) fault("§4.3.3", `${tag} stands behind a segment`);
    if (tag === "DISCONTINUITY") {
      discontinuity++;
      if (parts.length > 0) fault("bis §4.4.4.9", "a discontinuity between the parts of a segment");
    } else if (tag === "MAP") {
      if (parts.length > 0) fault("bis §4.4.4.9", "a map between the parts of a segment");
      if (version < 6) fault("§7", "a map wants version 6");
      map = attributesOf(rest).get("URI");
      if (map === undefined) fault("§4.3.2.5", "a map without an address");
    } else if (tag === "PROGRAM-DATE-TIME") {
      date = Date.parse(rest);
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(rest)) fault("§4.3.2.6", `no date: ${rest}`);
    } else if (tag === "EXTINF") {
      const [, seconds] = /^(\d+(?:\.\d+)?),/.exec(rest) ?? [];
      duration = Number(seconds ?? Number.NaN);
      if (seconds === undefined) fault("§4.3.2.1", `no duration: ${rest}`);
      if (Math.round(duration) > target) fault("§4.3.3.1", `${duration} s are longer than the target of ${target} s`);
    } else if (tag === "PART") {
      begun = true;
      const attributes = attributesOf(rest);
      const part = {
        uri: attributes.get("URI") ?? "",
        duration: Number(attributes.get("DURATION") ?? Number.NaN),
        independent: attributes.get("INDEPENDENT") === "YES",
      };
      if (part.uri === "" || !(part.duration > 0)) fault("bis §4.4.4.9", `no part: ${line}`);
      if (!hasParts) fault("bis §4.4.3.7", "parts without a target");
      else if (part.duration > partTarget)
        fault("bis §4.4.3.7", `a part of ${part.duration} s, the target is ${partTarget} s`);
      parts.push(part);
    } else if (tag === "PRELOAD-HINT") {
      const attributes = attributesOf(rest);
      if (attributes.get("TYPE") !== "PART") fault("bis §4.4.5.3", `a hint for ${attributes.get("TYPE")}`);
      hint = attributes.get("URI");
    } else if (line !== "" && !line.startsWith("#")) {
      begun = true;
      if (duration === undefined) fault("§4.3.2.1", `no duration of ${line}`);
      if (/\.(?:m4s|mp4)$/.test(line) && map === undefined) fault("§3.3", "fragmented MP4 without a map");
      const sum = parts.reduce((all, part) => all + part.duration, 0);
      if (parts.length > 0 && Math.abs(sum - (duration ?? 0)) > 0.002 * parts.length)
        fault("bis §4.4.4.9", `parts of ${sum} s in a segment of ${duration} s`);
      checkLengths(parts, partTarget, fault);
      segments.push({
        uri: line,
        duration: duration ?? 0,
        sequence: sequence + segments.length,
        discontinuity,
        map,
        date,
        parts,
      });
      duration = undefined;
      date = undefined;
      parts = [];
    }
  }
  if (duration !== undefined) fault("§4.3.2.1", "a duration of nothing");
  checkLengths([...parts, { uri: "", duration: 0, independent: false }], partTarget, fault);
  if (
    lines.includes("#EXT-X-INDEPENDENT-SEGMENTS") &&
    [...segments.map((each) => each.parts[0]), parts[0]].some((each) => each?.independent === false)
  )
    fault("§4.3.5.1", "a segment that is not independent");
  if (hasParts) checkLowLatency();
  else if (hint !== undefined) fault("bis §4.4.5.3", "a hint without parts");
  const now: Ruled = {
    ...{ faults, target, partTarget: hasParts ? partTarget : undefined },
    ...{ segments, rest: parts, hint, lastDiscontinuity: discontinuity },
  };
  if (before) checkChange(before, now, fault);
  return now;

  function checkLowLatency(): void {
    const back = Number(control.get("PART-HOLD-BACK") ?? Number.NaN);
    if (control.get("CAN-BLOCK-RELOAD") !== "YES") fault("bis §B.1", "playlists cannot be waited for");
    if (Number.isNaN(back)) fault("bis §4.4.3.8", "parts without PART-HOLD-BACK");
    else if (back < 3 * partTarget - 1e-6)
      fault("bis §4.4.3.8", `PART-HOLD-BACK is ${back} s, the part target ${partTarget} s`);
    if (hint === undefined) fault("bis §B.1", "no hint of the next part");
    let span = parts.reduce((all, part) => all + part.duration, 0);
    for (const segment of segments.toReversed()) {
      span += segment.duration;
      if (span <= 3 * target && segment.parts.length === 0)
        fault("bis §6.2.2", `segment ${segment.sequence} has lost its parts`);
      if (span - segment.duration > 3 * target && segment.parts.length > 0)
        fault("bis §6.2.2", `segment ${segment.sequence} still has its parts`);
    }
  }
}

type Fault = (clause: string, sentence: string) => void;

/** All but the last of a segment have nine tenths or so of what they may have. */
function checkLengths(parts: readonly RuledPart[], target: number, fault: Fault): void {
  for (const part of parts.slice(0, -1))
    if (part.duration < 0.85 * target - 1e-6)
      fault("bis §4.4.4.9", `a part of ${part.duration} s amid a segment, the target is ${target} s`);
}

/** What was said stays true (§6.2.1, bis §6.2.2). */
function checkChange(before: Ruled, now: Ruled, fault: Fault): void {
  if (now.target < before.target) fault("§6.2.1", "the target duration went back");
  const [first] = now.segments;
  if (!first) return;
  if (first.sequence < (before.segments[0]?.sequence ?? 0)) fault("§6.2.2", "the sequence number went back");
  if (first.discontinuity < (before.segments[0]?.discontinuity ?? 0))
    fault("§6.2.2", "the discontinuity number went back");
  for (const segment of now.segments) {
    const old = before.segments.find(({ sequence }) => sequence === segment.sequence);
    if (
      old &&
      (old.uri !== segment.uri ||
        old.duration !== segment.duration ||
        old.discontinuity !== segment.discontinuity ||
        old.map !== segment.map ||
        old.date !== segment.date)
    )
      fault("§6.2.1", `segment ${segment.sequence} is another than it was`);
  }
  const last = before.segments.at(-1)?.sequence ?? 0;
  const grown = now.segments.find(({ sequence }) => sequence === last + 1);
  const parts = grown ? grown.parts : now.rest;
  if (grown && grown.parts.length === 0) return;
  if ((now.segments.at(-1)?.sequence ?? 0) < last) fault("§6.2.1", "segments are gone from the end");
  for (const [index, part] of before.rest.entries())
    if (parts[index]?.uri !== part.uri || parts[index]?.duration !== part.duration)
      fault("bis §6.2.2", `part ${index} of segment ${last + 1} is another than it was`);
  const hinted = [...now.segments.flatMap((segment) => segment.parts), ...now.rest].some(
    ({ uri }) => uri === before.hint,
  );
  // What is interrupted has no further part, whatever was expected.
  const goesOn = now.hint === before.hint || now.lastDiscontinuity > before.lastDiscontinuity;
  if (before.hint !== undefined && !goesOn && !hinted)
    fault("bis §4.4.5.3", `${before.hint} was hinted, and never came`);
}

function attributesOf(list: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, plain] of list.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^",]*))(?:,|$)/g))
    found.set(name, quoted ?? plain ?? "");
  return found;
}
