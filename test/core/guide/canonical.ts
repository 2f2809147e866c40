// A form of XMLTV elements in which differences that mean nothing are gone, for comparing documents of different makers.
import { parseTree } from "../formats/xmltv/agreement.ts";

type Node = ReturnType<typeof parseTree>;

export interface CanonicalOptions {
  /** White space around texts does not count either. */
  readonly trim?: boolean;
  /** The document holds elements and attributes that the DTD does not know, which the other maker drops. */
  readonly drop?: RegExp;
}

/** The channels and programmes of a well-formed document, each as one line; children in any order. */
export function canonicalElements(
  document: string,
  options: CanonicalOptions = {},
): { channels: string[]; programmes: string[] } {
  const found: { channels: string[]; programmes: string[] } = { channels: [], programmes: [] };
  const walk = (node: Node) => {
    for (const child of node.children) {
      if (typeof child === "string") continue;
      if (child.name === "channel") found.channels.push(line(child, options, true));
      else if (child.name === "programme") found.programmes.push(line(child, options, true));
      else walk(child);
    }
  };
  walk(parseTree(document.replace(/^\ufeff/, "")));
  return found;
}

function line(node: Node, options: CanonicalOptions, sorted: boolean): string {
  const clean = (text: string) => (options.trim ? text.trim() : text);
  const attributes = Object.entries(node.attributes)
    .filter(([name]) => !options.drop?.test(name))
    .map(([name, value]) => `${name}=${JSON.stringify(value.replace(/[\r\n\t]/g, " "))}`)
    .sort();
  const children: string[] = [];
  let text = "";
  const flush = () => {
    if (text.trim() !== "") children.push(JSON.stringify(clean(text)));
    text = "";
  };
  for (const child of node.children) {
    if (typeof child === "string") text += child;
    else if (!options.drop?.test(child.name)) {
      flush();
      children.push(line(child, options, false));
    }
  }
  flush();
  if (sorted) children.sort();
  return `<${[node.name, ...attributes].join(" ")}>${children.join("")}`;
}
