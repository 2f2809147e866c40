// The boxes of ISO base media files (ISO/IEC 14496-12 §4.2): a size, a type, and what is in them.

export type Part = Uint8Array | readonly number[];

/** A box with its parts one after another. @param type four characters */
export function formatBox(type: string, ...parts: readonly Part[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const bytes = new Uint8Array(size);
  bytes.set([...be32(size), ...Array.from(type, (letter) => letter.charCodeAt(0))]);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A box with a version and flags (§4.2.2). */
export function formatFullBox(type: string, version: number, flags: number, ...parts: readonly Part[]): Uint8Array {
  return formatBox(type, be32(version * 2 ** 24 + flags), ...parts);
}

/** Numbers as bytes, the highest first. */
export const be16 = (...values: readonly number[]): number[] =>
  values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff]);
export const be32 = (...values: readonly number[]): number[] =>
  values.flatMap((value) => [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);

/** So many bytes of zero. */
export const zeros = (count: number): Uint8Array => new Uint8Array(count);
