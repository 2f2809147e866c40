// RTSP 1.0 (RFC 2326): messages and interleaved frames, and the headers whose values have a grammar of their own.
//
// Nothing here throws on hostile bytes.
export {
  type Challenge,
  type Credentials,
  formatAuthorization,
  formatChallenge,
  type Hash,
  parseChallenges,
  strongestChallenge,
} from "./rtsp/authorization.ts";
export {
  formatRange,
  formatSession,
  formatTransport,
  parseRange,
  parseSession,
  parseTransports,
  type RtspPorts,
  type RtspRange,
  type RtspTransport,
} from "./rtsp/headers.ts";
export {
  formatFrame,
  formatRtsp,
  headerOf,
  headersOf,
  type RtspFrame,
  type RtspHeaders,
  type RtspMessage,
  type RtspRequest,
  type RtspResponse,
} from "./rtsp/message.ts";
export { createRtspParser, type RtspItem, type RtspParser } from "./rtsp/parser.ts";
