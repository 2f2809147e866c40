// Durations ("1h30m") and sizes ("256MB") as people write them, to and from milliseconds and bytes.

const milliseconds = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

const bytes = { GiB: 2 ** 30, GB: 1e9, MiB: 2 ** 20, MB: 1e6, KiB: 1024, KB: 1000, B: 1 } as const;

const durationPattern = /^[+-]?(?=\d|\.\d)(?:[\d.]+d)?(?:[\d.]+h)?(?:[\d.]+m(?!s))?(?:[\d.]+s)?(?:[\d.]+ms)?$/;

/**
 * Reads a duration: numbers with units from the largest to the smallest of `d h m s ms`, each at most once,
 * perhaps with a fraction, perhaps with a sign in front. A plain `0` needs no unit.
 *
 * @returns whole milliseconds, or undefined when the text is no duration
 * @example parseDuration("1h30m") // 5400000
 * @example parseDuration("-250ms") // -250
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^[+-]?0$/.test(trimmed)) return 0;
  if (!durationPattern.test(trimmed)) return undefined;
  let total = 0;
  for (const [, digits = "", unit = ""] of trimmed.matchAll(/([\d.]+)(ms|[dhms])/g)) {
    total += Number(digits) * milliseconds[unit as keyof typeof milliseconds];
  }
  const value = Math.round(trimmed.startsWith("-") ? -total : total);
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/**
 * Writes a duration in its largest units; `parseDuration()` gives the same milliseconds back.
 *
 * @param ms whole milliseconds
 * @example formatDuration(5400000) // "1h30m"
 */
export function formatDuration(ms: number): string {
  let rest = Math.abs(Math.round(ms));
  if (rest === 0) return "0s";
  let text = ms < 0 ? "-" : "";
  for (const [unit, worth] of Object.entries(milliseconds)) {
    const count = Math.floor(rest / worth);
    if (count > 0) text += count + unit;
    rest -= count * worth;
  }
  return text;
}

/**
 * Reads a size. `KB MB GB` are powers of 1000, `KiB MiB GiB` of 1024 (IEC 80000-13); without a unit it is bytes.
 * Case does not matter and a space before the unit is allowed.
 *
 * @returns whole bytes, or undefined when the text is no size
 * @example parseSize("256MB") // 256000000
 */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = "B"] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  for (const [name, worth] of Object.entries(bytes)) {
    if (name.toLowerCase() !== unit.toLowerCase()) continue;
    const value = Math.round(Number(digits) * worth);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  return undefined;
}

/**
 * Writes a size in the largest unit that divides it; `parseSize()` gives the same bytes back.
 *
 * @param size whole bytes
 * @example formatSize(2 ** 31) // "2GiB"
 */
export function formatSize(size: number): string {
  const unit = Object.entries(bytes).find(([, worth]) => size >= worth && size % worth === 0);
  return unit ? size / unit[1] + unit[0] : `${size}B`;
}

/**
 * Reads a bit rate: bits a second, `k M G` being powers of 1000.
 *
 * @returns whole bits a second, or undefined when the text is no rate
 * @example parseRate("85M") // 85000000
 */
export function parseRate(text: string): number | undefined {
  const [, digits, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:bit\/s|bps)?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Math.round(Number(digits) * 1000 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase()));
  return Number.isSafeInteger(value) ? value : undefined;
}
