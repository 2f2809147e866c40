// XMLTV (https://github.com/XMLTV/xmltv, xmltv.dtd): scanning, checking, mending, reading and writing guides.
export { type ChannelTexts, formatChannel, parseDisplayNames } from "./channel.ts";
export { documentHead, documentTail } from "./document.ts";
export { detectEncoding, toUtf8 } from "./encoding.ts";
export { expandEntities } from "./entities.ts";
export { channelRanks, programmeRanks, sortChildren } from "./order.ts";
export { isPlain } from "./plain.ts";
export { formatProgramme, formatProgrammes, parseProgramme } from "./programme.ts";
export { type Mend, repairElement } from "./repair.ts";
export { MAX_ELEMENT, type ScanLoss, Scanner, type ScanSink } from "./scanner.ts";
export type { Places } from "./start-tag.ts";
export { escapeText, escapeValue, unescapeValue } from "./text.ts";
export { formatTime, parseTime, parseTimeBytes, shiftTime } from "./time.ts";
export { type Flaw, Verifier } from "./verifier.ts";
