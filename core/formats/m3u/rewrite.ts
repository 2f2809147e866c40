// Passes a playlist on byte for byte; only the guide address in its header is another.
import { Buffer } from "node:buffer";
import { scanAttributes } from "./attributes.ts";
import { isGuideName, isHeader } from "./header.ts";
import { longestLine } from "./lines.ts";

/**
 * Rewrites the header, which is the first line that is not blank and says `#EXTM3U`: every `url-tvg` and `x-tvg-url` in it
 * gets the new address, and the one that is missing is put right behind `#EXTM3U`, where neither free text nor an unclosed
 * quote can swallow it. A playlist without a header gets one in front of its first line, with that line's kind of end.
 * All other bytes, a byte order mark, line ends and further `#EXTM3U` lines among them, pass as they are; so does all of
 * a playlist in UTF-16, in which no address could be set as bytes.
 *
 * @param guide an absolute address
 */
export async function* rewriteHeader(bytes: AsyncIterable<Uint8Array>, guide: string): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] | undefined = [];
  let heldBytes = 0;
  let begun = false;
  for await (const chunk of bytes) {
    if (!held) {
      yield chunk;
      continue;
    }
    let at = 0;
    // Blank lines and a byte order mark come before the header.
    while (!begun && at < chunk.length) {
      if (isBlank(chunk[at])) at++;
      else begun = true;
    }
    while (at < chunk.length && !isLineEnd(chunk[at])) at++;
    held.push(new Uint8Array(chunk));
    heldBytes += chunk.length;
    if ((begun && at < chunk.length) || heldBytes > longestLine) {
      yield edit(Buffer.concat(held), guide);
      held = undefined;
    }
  }
  if (held && heldBytes > 0) yield edit(Buffer.concat(held), guide);
}

function isBlank(byte: number | undefined): boolean {
  return byte !== undefined && (byte <= 32 || byte === 0xef || byte === 0xbb || byte === 0xbf);
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === 10 || byte === 13;
}

/** Edits the beginning of a playlist, which holds its first line that is not blank, and perhaps more. */
function edit(head: Buffer, guide: string): Buffer {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return head;
  const mark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  let from = mark;
  while (from < head.length && (head[from] ?? 33) <= 32) from++;
  let to = from;
  while (to < head.length && !isLineEnd(head[to])) to++;
  // As Latin-1 every byte is one character and comes back as it was, whatever the encoding is.
  const line = head.toString("latin1", from, to);
  const address = encodeSafe(guide);
  if (isHeader(line)) {
    return Buffer.concat([head.subarray(0, from), Buffer.from(editLine(line, address), "latin1"), head.subarray(to)]);
  }
  const end = head[to] === 13 ? (head[to + 1] === 10 ? "\r\n" : "\r") : "\n";
  const header = `#EXTM3U url-tvg="${address}" x-tvg-url="${address}"${end}`;
  return Buffer.concat([head.subarray(0, mark), Buffer.from(header, "latin1"), head.subarray(mark)]);
}

function editLine(line: string, address: string): string {
  const spans: number[] = [];
  const marker = "#EXTM3U".length;
  scanAttributes(line, marker, spans, false);
  const missing = new Set(["url-tvg", "x-tvg-url"]);
  let edited = "";
  let at = marker;
  for (let index = 0; index < spans.length; index += 4) {
    const [nameFrom = 0, nameTo = 0, valueFrom = 0, valueTo = 0] = spans.slice(index, index + 4);
    const name = line.slice(nameFrom, nameTo).toLowerCase();
    if (!isGuideName(name)) continue;
    missing.delete(name);
    const quote = line.charAt(valueTo);
    edited += `${line.slice(at, nameTo)}="${address}"`;
    at = valueFrom > nameTo + 1 && quote === line.charAt(valueFrom - 1) ? valueTo + 1 : valueTo;
  }
  const added = [...missing].map((name) => ` ${name}="${address}"`).join("");
  return line.slice(0, marker) + added + edited + line.slice(at);
}

/** The address in ASCII and without quotes; what is encoded already stays. */
function encodeSafe(address: string): string {
  return address.replace(/[^!#-~]+/gu, (found) => encodeURIComponent(found.toWellFormed()));
}
