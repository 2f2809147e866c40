// Fragmented MP4 (ISO/IEC 14496-12, -14, -15): the header of a file (`formatInit`), pieces of it (`formatFragment`), and
// what H.264, H.265 and AAC are in it. Nothing here throws on hostile bytes: what cannot be read is absent.
export {
  type AdtsHeader,
  type AdtsReader,
  aacRates,
  aacSamples,
  createAdtsReader,
  formatAacEntry,
  parseAdts,
  type SoundFrame,
} from "./mp4/aac.ts";
export { type AvcParameters, formatAvcEntry, parseAvcParameters } from "./mp4/avc.ts";
export { formatFragment, type Sample, type TrackRun } from "./mp4/fragment.ts";
export { formatHevcEntry, type HevcParameters, parseHevcParameters } from "./mp4/hevc.ts";
export { formatInit, type Track } from "./mp4/init.ts";
export { createPictureReader, isPictureType, type PictureEntry, type PictureReader, unitsOf } from "./mp4/pictures.ts";
