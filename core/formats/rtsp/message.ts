// RTSP messages (RFC 2326 §4, §6, §7) and interleaved frames (§10.12), as values and as bytes.
import { Buffer } from "node:buffer";

/** Names as spelled, in order; a name may come more than once. */
export type RtspHeaders = readonly (readonly [name: string, value: string])[];

export interface RtspRequest {
  readonly kind: "request";
  readonly method: string;
  /** An absolute URL, or `*`. */
  readonly url: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

export interface RtspResponse {
  readonly kind: "response";
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

export type RtspMessage = RtspRequest | RtspResponse;

/** Binary data between messages (§10.12). */
export interface RtspFrame {
  readonly kind: "frame";
  /** 0 to 255. */
  readonly channel: number;
  /** At most 65,535 bytes. */
  readonly payload: Uint8Array;
}

/** The value of a header, whatever its case; of several, the first. */
export function headerOf(headers: RtspHeaders, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return headers.find(([each]) => each.toLowerCase() === wanted)?.[1];
}

/** All values of a header, in order. */
export function headersOf(headers: RtspHeaders, name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([each]) => each.toLowerCase() === wanted).map(([, value]) => value);
}

/**
 * Writes a message. Content-Length is written from the body, whatever the headers say. Line breaks and other control
 * characters in texts become spaces, so that no value can add a header.
 */
export function formatRtsp(message: RtspMessage): Uint8Array {
  const { headers, body } = message;
  const first =
    message.kind === "request"
      ? `${message.method} ${message.url} RTSP/1.0`
      : `RTSP/1.0 ${message.status} ${message.reason}`;
  const lines = [
    first,
    ...headers.filter(([name]) => !isLength(name)).map(([name, value]) => `${name}: ${value}`),
    ...(body.length > 0 ? [`Content-Length: ${body.length}`] : []),
  ];
  const head = `${lines.map((line) => line.replace(/\p{Cc}/gu, " ")).join("\r\n")}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Writes a frame; what is more than 65,535 bytes is cut off. */
export function formatFrame({ channel, payload }: Omit<RtspFrame, "kind">): Uint8Array {
  const length = Math.min(payload.length, 0xffff);
  const bytes = new Uint8Array(4 + length);
  bytes.set([0x24, channel & 0xff, length >> 8, length & 0xff]);
  bytes.set(payload.subarray(0, length), 4);
  return bytes;
}

/**
 * Reads the lines before a body: its first line and headers. A line that begins with a space goes on with the one before
 * (RFC 2326 §4.2, as in HTTP); a line without a colon is skipped.
 *
 * @returns undefined when the first line is neither a request's nor a response's
 */
export function parseHead(text: string): RtspMessage | undefined {
  const [first = "", ...lines] = text
    .replace(/(?:\r?\n)+$/, "")
    .replace(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/);
  const headers = lines.flatMap((line): RtspHeaders => {
    const colon = line.indexOf(":");
    return colon < 1 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
  });
  const body = new Uint8Array(0);
  const [, status, reason = ""] = /^RTSP\/\d+\.\d+\s+(\d{3})(?:\s+(.*))?$/i.exec(first) ?? [];
  if (status !== undefined) return { kind: "response", status: Number(status), reason: reason.trim(), headers, body };
  const [, method, url] = /^([A-Za-z_]{1,40})\s+(\S+)\s+RTSP\/\d+\.\d+\s*$/i.exec(first) ?? [];
  if (method === undefined || url === undefined) return undefined;
  return { kind: "request", method, url, headers, body };
}

/** How many bytes of body follow (§12.14): 0 when it does not say, NaN when it says nonsense. */
export function lengthOf(headers: RtspHeaders): number {
  const text = headers.find(([name]) => isLength(name))?.[1];
  return text === undefined ? 0 : /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** `l` is its compact form, which a few cameras write. */
function isLength(name: string): boolean {
  return /^(?:content-length|l)$/i.test(name);
}
