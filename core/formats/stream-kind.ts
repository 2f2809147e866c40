// What an elementary stream of a transport stream carries, told by its stream_type and its descriptors.

export type StreamKind = "video" | "audio" | "other";

/** ISO/IEC 13818-1 table 2-34, SMPTE RP 227 (0xea), and Apple's types for sample encryption (0xdb). */
const video: ReadonlySet<number> = new Set([
  0x01, 0x02, 0x10, 0x1b, 0x1f, 0x20, 0x21, 0x24, 0x25, 0x32, 0x33, 0x42, 0xd1, 0xd2, 0xd4, 0xdb, 0xea,
]);

/** Table 2-34, ATSC A/52 and A/53 (0x81, 0x87), Blu-ray (0x83, 0x84, 0x8a, 0xa1), and Apple's for sample encryption. */
const audio: ReadonlySet<number> = new Set([
  0x03, 0x04, 0x0f, 0x11, 0x1c, 0x2d, 0x2e, 0x81, 0x83, 0x84, 0x87, 0x8a, 0xa1, 0xc1, 0xc2, 0xcf,
]);

/** PES private data; its descriptors say what it is. */
const privateData = 0x06;

/** AC-3, enhanced AC-3, DTS and AAC (ETSI EN 300 468 table 12). */
const audioTags: ReadonlySet<number> = new Set([0x6a, 0x7a, 0x7b, 0x7c]);
/** Below the extension descriptor: DTS-HD, DTS-UHD, AC-4 (EN 300 468 table 109), and Opus (ETSI TS 101 154 draft). */
const audioExtensions: ReadonlySet<number> = new Set([0x0e, 0x21, 0x15, 0x80]);

/** Formats of registration descriptors (ISO/IEC 13818-1 §2.6.8). */
const registered: Readonly<Record<string, StreamKind>> = {
  "AC-3": "audio",
  EAC3: "audio",
  "AC-4": "audio",
  DTS1: "audio",
  DTS2: "audio",
  DTS3: "audio",
  Opus: "audio",
  BSSD: "audio",
  HEVC: "video",
  AV01: "video",
  "VC-1": "video",
};

/**
 * What a stream carries.
 *
 * @param type its stream_type (table 2-34)
 * @param descriptors the ES_info of its entry in the program map (§2.4.4.9)
 * @example kindOfStream(0x1b) // "video"
 */
export function kindOfStream(type: number, descriptors: Uint8Array = new Uint8Array(0)): StreamKind {
  if (video.has(type)) return "video";
  if (audio.has(type)) return "audio";
  if (type !== privateData) return "other";
  for (let at = 0; at + 2 <= descriptors.length; at += 2 + (descriptors[at + 1] ?? 0)) {
    const tag = descriptors[at] ?? 0;
    if (audioTags.has(tag)) return "audio";
    if (tag === 0x7f && audioExtensions.has(descriptors[at + 2] ?? 0)) return "audio";
    const kind = tag === 0x05 ? registered[String.fromCharCode(...descriptors.subarray(at + 2, at + 6))] : undefined;
    if (kind) return kind;
  }
  return "other";
}
