// Random XMLTV documents, well-formed or damaged, from a seed; shared by the suite's sample and the long run by hand.
import { Buffer } from "node:buffer";

/** Numbers from 0 up to a limit, the same for the same seed. */
export type Random = (limit: number) => number;

export function createRandom(seed: number): Random {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * limit);
  };
}

const texts = [
  "a",
  "News",
  " ",
  "\n",
  "é",
  "Ž",
  "台",
  "😀",
  "]]",
  "]",
  ">",
  "&amp;",
  "&lt;",
  "&#233;",
  "&#x1F600;",
  "&quot;",
  "'",
  '"',
  "--",
  "x".repeat(40),
  "programme",
  "/",
];
const hidden = [
  "</programme>",
  "<programme ",
  "<channel id='x'>",
  "</channel>",
  "<",
  "&",
  "]]",
  "- ",
  "x",
  "?",
  "'",
  '"',
];
const names = [
  "title",
  "sub-title",
  "desc",
  "credits",
  "category",
  "icon",
  "x:y",
  "ünï",
  "programmes",
  "channel_id",
  "display-name",
  "rating",
  "value",
];
const ids = ["a", "b", "Rai1.it", "c&amp;d", "é", "x y", "&#65;", "台1"];
const times = ["20260101120000 +0000", "202601011200", "20260101", "20260101120000 BST", "20260101120000+0100"];

/** A well-formed document, within the reach of what a guide may hold: no `programme` inside another. */
export function wellFormed(random: Random): string {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const some = (limit: number, make: () => string) => Array.from({ length: random(limit) }, make).join("");
  const space = () => pick(["", "", "\n", "  ", "\t\r\n"]);
  const text = () =>
    some(5, () => pick(texts))
      .replace(/\]\]>/g, "]]")
      .replace(/\]\]+>/g, "]")
      .replace(/\]+$/, "");
  const comment = () => `<!--${some(4, () => pick(hidden)).replace(/-/g, "")}-->`;
  const section = () => `<![CDATA[${some(4, () => pick(hidden)).replace(/\]\]>|\]+$/g, "")}]]>`;
  const instruction = () => `<?pi ${some(4, () => pick(hidden)).replace(/\?/g, "")}?>`;
  const value = () => {
    const quote = pick(["'", '"']);
    const content = some(3, () => pick(texts))
      .replaceAll(quote, "")
      .replace(/[<]/g, "");
    return quote + content + quote;
  };
  const attributes = () =>
    ["lang", "x:z", "src", "starts"]
      .filter(() => random(4) === 0)
      .map((name) => ` ${name}${pick(["", " "])}=${pick(["", "\n"])}${value()}`)
      .join("");
  const content = (depth: number): string =>
    some(5, () => {
      switch (random(depth > 3 ? 4 : 7)) {
        case 0:
          return comment();
        case 1:
          return section();
        case 2:
          return instruction();
        case 3:
          return text();
        default:
          return child(depth + 1);
      }
    });
  const child = (depth: number): string => {
    const name = pick(names);
    return random(4) === 0
      ? `<${name}${attributes()}/>`
      : `<${name}${attributes()}>${content(depth)}</${name}${space()}>`;
  };
  const shuffled = (list: string[]) =>
    list
      .map((entry) => [random(1000), entry] as const)
      .sort((x, y) => x[0] - y[0])
      .map(([, entry]) => entry)
      .join("");
  const element = (): string => {
    const quote = pick(["'", '"']);
    if (random(3) === 0) {
      return `<channel${space() || " "}id=${quote}${pick(ids)}${quote}${attributes()}>${random(2) ? "<display-name>N</display-name>" : ""}${content(1)}</channel${space()}>`;
    }
    const own = shuffled([
      ` start=${quote}${pick(times)}${quote}`,
      random(4) ? ` stop=${quote}${pick(times)}${quote}` : "",
      ` channel${pick(["", " "])}=${quote}${pick(ids)}${quote}`,
      attributes(),
    ]);
    return random(9) === 0
      ? `<programme${own}/>`
      : `<programme${own}${space()}>${random(2) ? "<title>T</title>" : ""}${content(1)}</programme${space()}>`;
  };
  const between = () => pick([space, space, comment, instruction, () => `<other${attributes()}>${text()}</other>`])();
  const body = some(12, () => between() + element());
  return `${random(2) ? '<?xml version="1.0" encoding="UTF-8"?>\n' : ""}${random(3) ? "" : '<!DOCTYPE tv SYSTEM "xmltv.dtd">\n'}<tv${attributes()}>${body}${between()}</tv>${space()}`;
}

/** The document with a few bytes cut, doubled, swapped, or replaced. */
export function damaged(random: Random, document: string): Buffer {
  let bytes = Buffer.from(document);
  const extra = [
    "<",
    ">",
    "&",
    "</programme>",
    "<programme ",
    "<channel>",
    "\u0000",
    "<!--",
    "]]>",
    "<![CDATA[",
    "<?",
    '"',
    "\ufffe",
    "</",
    "=",
    "&nbsp;",
  ];
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(bytes.length + 1);
    const length = random(20);
    const rest = bytes.subarray(Math.min(bytes.length, at + length));
    const inserted = [
      Buffer.alloc(0),
      Buffer.from(extra[random(extra.length)] ?? ""),
      bytes.subarray(at, at + length * 3),
      Buffer.from([random(256), random(256)]),
    ][random(4)] as Buffer;
    bytes = Buffer.concat([bytes.subarray(0, at), inserted, random(2) ? rest : bytes.subarray(at)]);
  }
  return bytes;
}

/** The bytes in pieces cut at random. */
export function* cut(random: Random, bytes: Uint8Array): Iterable<Uint8Array> {
  const longest = [1, 3, 17, 200, 5000][random(5)] ?? 1;
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random(longest);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
