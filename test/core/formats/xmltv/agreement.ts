// What the scanner and `sax` each find in a document, in a form that can be compared; and what must hold of any bytes.
import assert from "node:assert/strict";
import { type Buffer, isUtf8 } from "node:buffer";
import sax from "sax";
import {
  channelRanks,
  isPlain,
  MAX_ELEMENT,
  programmeRanks,
  Scanner,
  unescapeValue,
  Verifier,
} from "../../../../core/formats/xmltv/index.ts";
import { Fitter } from "../../../../core/guide/elements.ts";

/** One element: its kind, the values that matter, and its text. */
export interface Seen {
  kind: string;
  id: string | undefined;
  start: string | undefined;
  stop: string | undefined;
  text: string;
}

interface Node {
  name: string;
  attributes: Record<string, string>;
  children: (Node | string)[];
}

/** The tree of a well-formed document. @throws on one that is not. */
export function parseTree(document: string): Node {
  const parser = sax.parser(true);
  (parser as unknown as { ENTITIES: unknown }).ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  const root: Node = { name: "", attributes: {}, children: [] };
  const path = [root];
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentag = (tag) => {
    const node: Node = { name: tag.name, attributes: tag.attributes as Record<string, string>, children: [] };
    path.at(-1)?.children.push(node);
    path.push(node);
  };
  parser.onclosetag = () => void path.pop();
  parser.ontext = parser.oncdata = (text) => void path.at(-1)?.children.push(text);
  // sax does not see the end of an instruction whose text ends with a question mark.
  parser.write(document.replace(/\?+\?>/g, "?>")).close();
  return root;
}

const textOf = (node: Node | string): string => (typeof node === "string" ? node : node.children.map(textOf).join(""));

/** The outermost channels and programmes of a well-formed document, by `sax`. */
export function seenBySax(document: string): Seen[] {
  const seen: Seen[] = [];
  const walk = (node: Node) => {
    for (const child of node.children) {
      if (typeof child === "string") continue;
      const { name: kind, attributes } = child;
      if (kind !== "channel" && kind !== "programme") walk(child);
      else {
        const programme = kind === "programme";
        const value = (text: string | undefined) => text?.replace(/[\r\n\t]/g, " ");
        seen.push({
          kind,
          id: value(attributes[programme ? "channel" : "id"]),
          start: programme ? value(attributes.start) : undefined,
          stop: programme ? value(attributes.stop) : undefined,
          text: textOf(child),
        });
      }
    }
  };
  walk(parseTree(document));
  return seen;
}

/** The same by the scanner; elements that are not well-formed are mended, and those past mending left out. */
export function seenByScanner(chunks: Iterable<Uint8Array>): { seen: Seen[]; lost: string[]; output: string } {
  const seen: Seen[] = [];
  const lost: string[] = [];
  let output = "";
  let last: string | undefined;
  const fitter = new Fitter((what) => void lost.push(what));
  const take = (scanner: Scanner, kind: string) => {
    const programme = kind === "programme";
    const id =
      scanner.idStart < 0 ? undefined : unescapeValue(scanner.bytes.toString("utf8", scanner.idStart, scanner.idEnd));
    if (programme && scanner.repeated) assert.equal(id, last, "a repeated id is the same");
    if (programme) {
      last = id;
      scanner.readTimes();
    }
    assert.ok(scanner.end - scanner.start <= MAX_ELEMENT * 2 && scanner.start < scanner.end);
    checkPlain(scanner, programme);
    const fit = fitter.fit(scanner, programme);
    if (!fit) return;
    const value = (from: number, to: number) =>
      from < 0 ? undefined : unescapeValue(fit.bytes.toString("utf8", from, to));
    const element = fit.bytes.toString("utf8", fit.start, fit.end);
    output += element;
    seen.push({
      kind,
      id: value(fit.idStart, fit.idEnd),
      start: programme ? value(fit.fromStart, fit.fromEnd) : undefined,
      stop: programme ? value(fit.toStart, fit.toEnd) : undefined,
      text: textOf(parseTree(element)),
    });
  };
  const scanner = new Scanner({
    channel: (s) => take(s, "channel"),
    programme: (s) => take(s, "programme"),
    lost: (what) => void lost.push(what),
  });
  for (const chunk of chunks) scanner.push(chunk);
  scanner.finish();
  return { seen, lost, output };
}

/** What passes at a glance must pass when it is looked at closely. */
function checkPlain({ bytes, start, end }: Scanner, programme: boolean): void {
  const ranks = programme ? programmeRanks : channelRanks;
  if (!isUtf8(bytes.subarray(start, end)) || !isPlain(bytes, start, end, ranks)) return;
  const verifier = new Verifier();
  assert.ok(verifier.verify(bytes, start, end, ranks) && !verifier.misordered && verifier.end === end);
}

/** How many programmes there are, told one by one or counted as far as may be. */
function countProgrammes(chunks: Iterable<Uint8Array>, skipRuns: boolean): number {
  let count = 0;
  const scanner = new Scanner({
    channel: () => {},
    programme: (s) => {
      count++;
      s.skipRun = skipRuns;
    },
    skipped: (more) => {
      count += more;
    },
    lost: () => {},
  });
  for (const chunk of chunks) scanner.push(chunk);
  scanner.finish();
  return count;
}

/** Everything that must hold of a well-formed document. */
export function checkWellFormed(document: string, chunks: Iterable<Uint8Array>): void {
  const { seen, lost } = seenByScanner(chunks);
  assert.deepEqual(lost, []);
  const strip = (entries: Seen[]) => entries.map((entry) => ({ ...entry, text: [...entry.text].sort().join("") }));
  assert.deepEqual(strip(seen), strip(seenBySax(document)));
}

/** Everything that must hold of any bytes: output is well-formed, and does not depend on where the chunks are cut. */
export function checkAny(bytes: Buffer, chunks: Iterable<Uint8Array>): void {
  const pieces = [...chunks];
  const whole = seenByScanner([bytes]);
  assert.deepEqual(seenByScanner(pieces), whole);
  parseTree(`<tv>${whole.output}</tv>`);
  assert.equal(countProgrammes(pieces, true), countProgrammes([bytes], false));
}
