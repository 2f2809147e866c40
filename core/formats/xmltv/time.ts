// XMLTV times: `YYYYMMDDhhmmss +zone`, shortened from the right, in bytes or text.
import { Buffer } from "node:buffer";

/** Minutes east of Greenwich of the zone names met in guides (RFC 822 §5.1 and the XMLTV project's own list). */
const zones: Readonly<Record<string, number>> = {
  Z: 0, UT: 0, UTC: 0, GMT: 0, WET: 0, WEST: 60, BST: 60, IST: 330, CET: 60, MET: 60, MEZ: 60, CEST: 120, MEST: 120, MESZ: 120,
  EET: 120, EEST: 180, SAST: 120, MSK: 180, JST: 540, KST: 540, AWST: 480, ACST: 570, ACDT: 630, AEST: 600, AEDT: 660, NZST: 720,
  NZDT: 780, NST: -210, NDT: -150, AST: -240, ADT: -180, EST: -300, EDT: -240, CST: -360, CDT: -300, MST: -420, MDT: -360,
  PST: -480, PDT: -420, AKST: -540, AKDT: -480, HST: -600, BRT: -180, ART: -180,
}; // biome-ignore format: a table

const isDigit = (byte: number | undefined): byte is number => byte !== undefined && byte >= 48 && byte <= 57;

/** Days of the proleptic Gregorian calendar from 1970-01-01. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468;
}

/** Where the digits end, and the instant they name were they UTC. */
function parseDigits(bytes: Uint8Array, start: number, end: number): { at: number; local: number } {
  let at = start;
  const number = (length: number, absent: number): number => {
    if (at >= end || !isDigit(bytes[at])) return absent;
    let value = 0;
    for (let left = length; left > 0; left--, at++) {
      const byte = at < end ? bytes[at] : undefined;
      if (!isDigit(byte)) return Number.NaN;
      value = value * 10 + byte - 48;
    }
    return value;
  };
  const year = number(4, Number.NaN);
  const month = number(2, 1);
  const day = number(2, 1);
  const hour = number(2, 0);
  const minute = number(2, 0);
  const second = number(2, 0);
  const valid = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 24 && minute <= 59 && second <= 60;
  if (!valid || isDigit(at < end ? bytes[at] : undefined)) return { at, local: Number.NaN };
  return { at, local: (daysOf(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000 };
}

/** Milliseconds east of Greenwich; nothing and names that nobody knows are UTC. */
function parseZone(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === 32) at++;
  const sign = bytes[at];
  if (at < end && (sign === 43 || sign === 45)) {
    const digits: number[] = [];
    for (at++; at < end && digits.length < 4; at++) {
      const byte = bytes[at];
      if (isDigit(byte)) digits.push(byte - 48);
      else if (byte !== 58) break;
    }
    const [a = 0, b = 0, c = 0, d = 0] = digits;
    const minutes = digits.length === 1 ? a * 60 : (a * 10 + b) * 60 + c * 10 + d;
    return (sign === 45 ? -minutes : minutes) * 60_000;
  }
  if (at >= end) return 0;
  const name = Buffer.from(bytes.subarray(at, end)).toString("latin1").trim().toUpperCase();
  return (zones[name] ?? 0) * 60_000;
}

/** The length of fourteen digits, a space, a sign and four digits: how nearly all times are written. */
const USUAL = 20;

/** The last date whose days were counted: programmes of a day follow each other. */
let lastDate = -1;
let lastDays = 0;

/** The same as below for the usual form alone, without a call or an object; NaN when it is not in that form. */
function parseUsual(bytes: Uint8Array, start: number): number {
  for (let i = 0; i < USUAL; i++) {
    const digit = (bytes[start + i] as number) - 48;
    if (i !== 14 && i !== 15 && (digit < 0 || digit > 9)) return Number.NaN;
  }
  const sign = bytes[start + 15];
  if (bytes[start + 14] !== 32 || (sign !== 43 && sign !== 45)) return Number.NaN;
  const month = two(bytes, start + 4);
  const day = two(bytes, start + 6);
  const hour = two(bytes, start + 8);
  const minute = two(bytes, start + 10);
  const second = two(bytes, start + 12);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) return Number.NaN;
  const zone = two(bytes, start + 16) * 60 + two(bytes, start + 18);
  const date = (two(bytes, start) * 100 + two(bytes, start + 2)) * 10000 + month * 100 + day;
  if (date !== lastDate) {
    lastDays = daysOf(Math.floor(date / 10000), month, day);
    lastDate = date;
  }
  const days = lastDays;
  return (days * 86400 + hour * 3600 + minute * 60 + second) * 1000 - (sign === 45 ? -zone : zone) * 60_000;
}

const two = (bytes: Uint8Array, at: number): number => (bytes[at] as number) * 10 + (bytes[at + 1] as number) - 528;

/**
 * The instant that an XMLTV time names, in milliseconds since the Unix epoch; NaN when it names none.
 *
 * @example parseTimeBytes(Buffer.from("20260101120000 +0100"), 0, 20) // 1767265200000
 */
export function parseTimeBytes(bytes: Uint8Array, start: number, end: number): number {
  if (end - start === USUAL) {
    const usual = parseUsual(bytes, start);
    if (!Number.isNaN(usual)) return usual;
  }
  while (start < end && (bytes[start] ?? 0) <= 32) start++;
  const { at, local } = parseDigits(bytes, start, end);
  if (at >= end) return local;
  // A zone belongs to a time of day: `2026-01-01` is not the year 2026 an hour behind.
  return at - start < 8 ? Number.NaN : local - parseZone(bytes, at, end);
}

/**
 * The same for text. Fourteen digits and a zone are usual; from the right, digits may be missing (`200206031633`, `2024`).
 * The zone is `+0100`, a name (`BST`), or missing: UTC.
 *
 * @example parseTime("20260101120000 +0100") // 1767265200000
 */
export function parseTime(text: string): number {
  const bytes = Buffer.from(text, "latin1");
  return parseTimeBytes(bytes, 0, bytes.length);
}

/** The day that was written last, for most times are of the same one as the time before. */
let writtenDay = Number.NaN;
let writtenDate = "";

/** Fourteen digits of an instant in UTC. */
function formatDigits(instant: number): string {
  const at = Math.trunc(instant);
  const day = Math.floor(at / 86_400_000);
  if (day !== writtenDay) {
    writtenDate = new Date(at).toISOString().replace(/T.*/, "").replaceAll("-", "");
    writtenDay = day;
  }
  const seconds = Math.floor(at / 1000) - day * 86_400;
  const clock = Math.floor(seconds / 3600) * 10_000 + (Math.floor(seconds / 60) % 60) * 100 + (seconds % 60);
  return writtenDate + String(1_000_000 + clock).slice(1);
}

/**
 * The instant as XMLTV writes it, in UTC.
 *
 * @example formatTime(1767265200000) // "20260101110000 +0000"
 */
export function formatTime(at: number): string {
  return `${formatDigits(at)} +0000`;
}

/**
 * A time moved by some milliseconds, its zone written as it was; the text itself when it names no instant.
 *
 * @example shiftTime("20260101233000 BST", 3_600_000) // "20260102003000 BST"
 */
export function shiftTime(text: string, shift: number): string {
  const trimmed = text.trim();
  const bytes = Buffer.from(trimmed, "latin1");
  const { at, local } = parseDigits(bytes, 0, bytes.length);
  if (Number.isNaN(local)) return text;
  const digits = formatDigits(local + shift);
  const short = at < 14 && digits.endsWith("00") ? digits.slice(0, 12) : digits;
  return short + trimmed.slice(at);
}
