// The `name="value"` attributes of #EXTM3U and #EXTINF lines, as real files spell them.

/** Attributes of one line beyond this many are not read: none that is meant to have an effect comes so late. */
const most = 256;

/** The longest attribute name that is looked for when a closing quote is missing. */
const longestName = 64;

const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const APOSTROPHE = 39;
const COMMA = 44;
const EQUALS = 61;

/**
 * Finds the attributes of a line. Values may be in double quotes, in single quotes or bare; a missing closing quote ends
 * the value where the next attribute begins.
 *
 * @param spans emptied, then filled with four offsets for each attribute: name from, name to, value from, value to
 * @param titled whether a comma outside quotes ends the attributes, because a title follows
 * @returns the offset of that comma; -1 when there is none
 */
export function scanAttributes(line: string, from: number, spans: number[], titled: boolean): number {
  spans.length = 0;
  const length = line.length;
  let at = from;
  while (at < length) {
    const code = line.charCodeAt(at);
    if (code === SPACE || code === TAB) {
      at++;
      continue;
    }
    if (code === COMMA) {
      if (titled) return at;
      at++;
      continue;
    }
    if (code === QUOTE) {
      // Quoted text that belongs to no attribute; a comma in it is no separator. Behind a word it is a quote too many.
      const close = at === from || endsValue(line, at - 1) ? line.indexOf('"', at + 1) : -1;
      at = close === -1 ? at + 1 : close + 1;
      continue;
    }
    const nameFrom = at;
    at = endOfWord(line, at);
    if (line.charCodeAt(at) !== EQUALS) continue;
    const nameTo = at++;
    const quote = line.charCodeAt(at);
    let valueFrom = at;
    let valueTo: number;
    if (quote === QUOTE || quote === APOSTROPHE) {
      valueFrom++;
      valueTo = line.indexOf(quote === QUOTE ? '"' : "'", valueFrom);
      if (valueTo === -1 || !endsValue(line, valueTo + 1)) valueTo = mendValue(line, valueFrom, valueTo, titled);
      at = line.charCodeAt(valueTo) === quote ? valueTo + 1 : valueTo;
    } else {
      while (at < length && !isBlank(line.charCodeAt(at)) && !(titled && line.charCodeAt(at) === COMMA)) at++;
      valueTo = at;
    }
    if (nameTo > nameFrom && spans.length < most * 4) spans.push(nameFrom, nameTo, valueFrom, valueTo);
  }
  return -1;
}

/**
 * The same for a line that is written as nearly all are: a duration, `name="value"` pairs with blanks between them, names
 * in lower case, a comma, a title; no control characters. Values are then found without making a text of the line.
 *
 * @param from behind `#EXTINF:`
 * @param spans emptied, then filled with five numbers for each attribute: name from, name to, value from, value to, and
 * whether the value has any bytes above ASCII (0 or 1)
 * @returns the offset of the comma; -1 when the line is not of that kind, which says nothing of it
 */
export function scanPlain(bytes: Uint8Array, from: number, to: number, spans: number[]): number {
  spans.length = 0;
  let at = from;
  while (at < to && isDuration(bytes[at] as number)) at++;
  while (at < to) {
    let code = bytes[at] as number;
    if (code === COMMA) return at;
    if (code !== SPACE) return -1;
    while (at < to && bytes[at] === SPACE) at++;
    const nameFrom = at;
    while (at < to && isNameSign(bytes[at] as number)) at++;
    if (at === nameFrom || at + 1 >= to || bytes[at] !== EQUALS || bytes[at + 1] !== QUOTE) return -1;
    const nameTo = at;
    at += 2;
    const valueFrom = at;
    let signs = 0;
    for (code = 0; at < to; at++) {
      code = bytes[at] as number;
      if (code === QUOTE) break;
      if (code < SPACE) return -1;
      signs |= code;
    }
    if (code !== QUOTE || spans.length === most * 5) return -1;
    spans.push(nameFrom, nameTo, valueFrom, at++, signs >> 7);
  }
  return -1;
}

function isDuration(code: number): boolean {
  return (code >= 45 && code <= 57) || code === 43;
}

function isNameSign(code: number): boolean {
  return (code >= 97 && code <= 122) || code === 45;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Where a run of characters ends that could be an attribute's name. */
function endOfWord(line: string, from: number): number {
  let at = from;
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === EQUALS || code === SPACE || code === COMMA || code === QUOTE || code === TAB) break;
  }
  return at;
}

/** Whether a closing quote may stand before this offset. */
function endsValue(line: string, at: number): boolean {
  return at >= line.length || isBlank(line.charCodeAt(at)) || line.charCodeAt(at) === COMMA;
}

/**
 * Where a value ends whose first quote character (`close`, or -1) is not followed by a separator: a quote inside the
 * text, a next attribute without a space before it, or a quote that was never closed.
 */
function mendValue(line: string, from: number, close: number, titled: boolean): number {
  const quote = line.charAt(from - 1);
  let inner = false;
  for (let at = close; at !== -1; at = line.indexOf(quote, at + 1)) {
    const before = startOfAttribute(line, from, at);
    if (before !== -1) return before;
    // Quotes inside a text come in pairs.
    if (inner) inner = false;
    else if (endsValue(line, at + 1) || beginsAttribute(line, at + 1)) return at;
    else inner = true;
  }
  const next = /\s[^\s"'=,]+=/g;
  next.lastIndex = from;
  let to = next.exec(line)?.index ?? line.length;
  const comma = titled ? line.indexOf(",", from) : -1;
  if (comma !== -1) to = Math.min(to, comma);
  return to;
}

/** When the quote at `at` opens the value of another attribute: where that attribute's preceding blank is, else -1. */
function startOfAttribute(line: string, from: number, at: number): number {
  if (line.charCodeAt(at - 1) !== EQUALS) return -1;
  const limit = Math.max(from, at - longestName);
  for (let back = at - 2; back >= limit; back--) {
    const code = line.charCodeAt(back);
    if (isBlank(code)) return back < at - 2 ? back : -1;
    if (code === EQUALS || code === COMMA) return -1;
  }
  return -1;
}

function beginsAttribute(line: string, at: number): boolean {
  const limit = Math.min(line.length, at + longestName);
  for (let to = at; to < limit; to++) {
    const code = line.charCodeAt(to);
    if (code === EQUALS) return to > at;
    if (isBlank(code) || code === COMMA || code === QUOTE) return false;
  }
  return false;
}

/** What is left of a line, from an offset on, when its attributes are taken away: words, joined by single spaces. */
export function textBetween(line: string, from: number, spans: readonly number[]): string {
  let text = "";
  let at = from;
  for (let index = 0; index < spans.length; index += 4) {
    text += `${line.slice(at, spans[index])} `;
    const end = spans[index + 3] ?? 0;
    at = line[end] === '"' || line[end] === "'" ? end + 1 : end;
  }
  return (text + line.slice(at)).replace(/\s+/g, " ").trim();
}
