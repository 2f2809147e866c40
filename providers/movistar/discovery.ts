// The XML of discovery (ETSI TS 102 034 §5.2): the region's provider, its channels and packages, and where the guide is.
import { XMLParser } from "fast-xml-parser";
import { parseGroup } from "./config.ts";

/** A group that is sent to, or an address of this machine. */
export interface GroupAddress {
  readonly address: string;
  readonly port: number;
}

/** A channel as it is announced. */
export interface Service extends GroupAddress {
  readonly id: number;
  readonly name: string;
  readonly genre?: string;
  readonly logo?: string;
  /** Whose guide it has, when it is not its own. */
  readonly replacement?: number;
}

/** A day of the guide: its group, and the services in it where the index lists them. */
export interface GuideDay extends GroupAddress {
  readonly source: string;
  readonly services: readonly number[];
}

type Node = Readonly<Record<string, unknown>>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (name) => lists.has(name),
});
/** What may be there more than once, and is read as a list though it be there once. */
const lists = new Set(
  ["ServiceProvider", "Push", "SingleService", "Name", "ShortName", "Package", "PackageName", "Service", "BCG"].concat([
    "DVBBINSTP",
    "PayloadId",
    "Segment",
    "Genre",
  ]),
);

/** @returns the group of a region's provider; undefined when it is not listed */
export function parseProviders(xml: Uint8Array, demarcation: number): GroupAddress | undefined {
  const providers = listOf(rootOf(xml, "ServiceProviderDiscovery").ServiceProvider);
  const own = providers.find((each) => String(each["@DomainName"] ?? "").startsWith(`DEM_${demarcation}.`));
  return own && groupOf(listOf(nodeOf(own.Offering).Push)[0]);
}

/** Channels that come by datagrams; others, and such as cannot be read, are left out. */
export function parseServices(xml: Uint8Array): Service[] {
  const list = nodeOf(rootOf(xml, "BroadcastDiscovery").ServiceList);
  return listOf(list.SingleService).flatMap((node) => {
    const group = groupOf(nodeOf(nodeOf(node.ServiceLocation).IPMulticastAddress));
    const identifier = nodeOf(node.TextualIdentifier);
    const id = idOf(identifier["@ServiceName"]);
    const si = nodeOf(node.SI);
    if (!group || id === undefined) return [];
    const replacement = idOf(nodeOf(nodeOf(si.ReplacementService).TextualIdentifier)["@ServiceName"]);
    const genre = textOf(nodeOf(listOf(si.Genre)[0]).Name);
    const logo = String(identifier["@logoURI"] ?? "").trim();
    return [
      {
        ...group,
        id,
        name: cleanName(textOf(si.Name)) || cleanName(textOf(si.ShortName)) || String(id),
        ...(genre ? { genre } : {}),
        // It becomes part of addresses and of lines in lists.
        ...(/^[\w./-]{1,200}$/.test(logo) ? { logo } : {}),
        ...(replacement === undefined ? {} : { replacement }),
      },
    ];
  });
}

/** Numbers by service, of the packages that are named; a later package's number counts. */
export function parsePackages(xml: Uint8Array, wanted: readonly string[]): ReadonlyMap<number, number> {
  const numbers = new Map<number, number>();
  for (const node of listOf(rootOf(xml, "PackageDiscovery").Package)) {
    if (!wanted.includes("ALL") && !wanted.includes(textOf(node.PackageName))) continue;
    for (const service of listOf(node.Service)) {
      const id = idOf(nodeOf(service.TextualID)["@ServiceName"]);
      const number = idOf(textOf(service.LogicalChannelNumber));
      if (id !== undefined && number !== undefined) numbers.set(id, number);
    }
  }
  return numbers;
}

/** The days of the guide, today first; each is a socket. */
export function parseGuideIndex(xml: Uint8Array): GuideDay[] {
  const all = listOf(rootOf(xml, "BCGDiscovery").BCG);
  const guide = all.find((each) => each["@Id"] === "EPG") ?? all[1];
  return listOf(nodeOf(guide?.TransportMode).DVBBINSTP)
    .flatMap((node) => {
      const group = groupOf(node);
      const payload = listOf(node.PayloadId).find((each) => Number(each["@Id"]) === 0xf1);
      const services = listOf(payload?.Segment).map((segment) => Number(segment["@ID"]));
      const isId = (id: number) => Number.isInteger(id) && id >= 0 && id <= 0xffff;
      return group ? [{ ...group, source: String(node["@Source"] ?? ""), services: services.filter(isId) }] : [];
    })
    .sort((a, b) => dayOf(a) - dayOf(b))
    .slice(0, mostDays);
}

/** The number in `EPG_3_BIN.imagenio.es`. */
function dayOf({ source }: GuideDay): number {
  return Number(/\d+/.exec(source)?.[0] ?? 0);
}

const decoder = new TextDecoder("utf-8");
/** Bytes of a document, days of a guide, characters of a name: far more than there are. */
const mostBytes = 4 * 2 ** 20;
const mostDays = 32;
const longestName = 200;

/** Of what is no XML, or far too much of it, nothing. */
function rootOf(xml: Uint8Array, name: string): Node {
  if (xml.length > mostBytes) return {};
  try {
    return nodeOf(nodeOf(nodeOf(parser.parse(decoder.decode(xml))).ServiceDiscovery)[name]);
  } catch {
    return {};
  }
}

function nodeOf(value: unknown): Node {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Node) : {};
}

function listOf(value: unknown): Node[] {
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((each) =>
    typeof each === "string" ? { "#text": each } : nodeOf(each),
  );
}

/** The first text of an element, whether or not it has attributes. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value.trim();
  const text = listOf(value)[0]?.["#text"];
  return typeof text === "string" ? text.trim() : "";
}

function idOf(value: unknown): number | undefined {
  const text = String(value ?? "").trim();
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function groupOf(node: Node | undefined): GroupAddress | undefined {
  const [address, port] = [node?.["@Address"], node?.["@Port"]].map((value) => String(value ?? "").trim());
  return parseGroup(`${address}:${port}`);
}

function cleanName(text: string): string {
  return text
    .slice(0, longestName)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/^[\s.*]+|[\s.*]+$/g, "")
    .trim();
}
