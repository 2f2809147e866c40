// SSDP messages (UPnP Device Architecture 1.0 §1): searches, answers to them, and announcements.
import { Buffer } from "node:buffer";

/** The group of IPv4, and its port. */
export const ssdpGroup = "239.255.255.250";
export const ssdpPort = 1900;

/** Longer messages are no SSDP of ours. */
const longestMessage = 4096;
/** More header lines than any message has. */
const mostHeaders = 64;

/** A message as it stands on the wire; header names in small letters, the first of two alike. */
export interface SsdpMessage {
  readonly start: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** Undefined for anything that is no message: no start line, a header without a colon, control characters. */
export function parseSsdp(datagram: Uint8Array): SsdpMessage | undefined {
  if (datagram.length > longestMessage) return undefined;
  const [start = "", ...lines] = Buffer.from(datagram).toString("latin1").split(/\r?\n/);
  if (!/^[\x20-\x7e]{8,200}$/.test(start)) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") break;
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    if (colon < 1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /\p{Cc}/u.test(value) || headers.size >= mostHeaders)
      return undefined;
    const key = name.toLowerCase();
    if (!headers.has(key)) headers.set(key, value);
  }
  return { start, headers };
}

/** What is looked for. */
export interface SsdpSearch {
  /** The search target. */
  readonly st: string;
  /** Seconds over which answers are to be spread; absent: answer at once (a search that was sent to one device). */
  readonly mx?: number;
}

/** Reads `M-SEARCH * HTTP/1.1` with `MAN: "ssdp:discover"` and an ST; undefined for anything else. */
export function parseSearch(datagram: Uint8Array): SsdpSearch | undefined {
  // Most of what comes are announcements of others.
  if (datagram[0] !== 0x4d) return undefined;
  const message = parseSsdp(datagram);
  if (message?.start !== "M-SEARCH * HTTP/1.1") return undefined;
  const { headers } = message;
  const [st = "", mx] = [headers.get("st"), headers.get("mx")];
  if (headers.get("man") !== '"ssdp:discover"' || st === "") return undefined;
  if (mx === undefined) return { st };
  return /^\d{1,9}$/.test(mx) ? { st, mx: Number(mx) } : undefined;
}

/** @param host where it is sent, with the port */
export function formatSearch({ st, mx }: SsdpSearch, host = `${ssdpGroup}:${ssdpPort}`): Uint8Array {
  return format("M-SEARCH * HTTP/1.1", {
    HOST: host,
    MAN: '"ssdp:discover"',
    ...(mx === undefined ? {} : { MX: mx }),
    ST: st,
  });
}

/** What is told of a device, in answers and announcements. */
export interface SsdpService {
  /** What it is: the search target, or the announcement's type. */
  readonly target: string;
  /** The unique service name. */
  readonly usn: string;
  /** Address of its description. */
  readonly location: string;
  readonly server: string;
  /** Seconds for which it may be believed. */
  readonly maxAge: number;
}

/** @param now milliseconds since the Unix epoch */
export function formatSearchAnswer(service: SsdpService, now: number): Uint8Array {
  return format("HTTP/1.1 200 OK", {
    "CACHE-CONTROL": `max-age=${service.maxAge}`,
    DATE: new Date(now).toUTCString(),
    EXT: "",
    LOCATION: service.location,
    SERVER: service.server,
    ST: service.target,
    USN: service.usn,
  });
}

export function parseSearchAnswer(datagram: Uint8Array): SsdpService | undefined {
  const message = parseSsdp(datagram);
  return message && /^HTTP\/1\.[01] 200\b/.test(message.start) ? serviceOf(message, "st") : undefined;
}

/** Announces that a device is there. */
export function formatAlive(service: SsdpService): Uint8Array {
  return format("NOTIFY * HTTP/1.1", {
    HOST: `${ssdpGroup}:${ssdpPort}`,
    "CACHE-CONTROL": `max-age=${service.maxAge}`,
    LOCATION: service.location,
    NT: service.target,
    NTS: "ssdp:alive",
    SERVER: service.server,
    USN: service.usn,
  });
}

/** Announces that it goes. */
export function formatByebye({ target, usn }: Pick<SsdpService, "target" | "usn">): Uint8Array {
  return format("NOTIFY * HTTP/1.1", {
    HOST: `${ssdpGroup}:${ssdpPort}`,
    NT: target,
    NTS: "ssdp:byebye",
    USN: usn,
  });
}

/** Reads an announcement: of a device that is there, or of one that goes. */
export function parseNotify(
  datagram: Uint8Array,
): { readonly alive: boolean; readonly service: SsdpService } | undefined {
  const message = parseSsdp(datagram);
  const what = message?.headers.get("nts");
  if (message?.start !== "NOTIFY * HTTP/1.1" || !(what === "ssdp:alive" || what === "ssdp:byebye")) return undefined;
  const service = serviceOf(message, "nt");
  return service && { alive: what === "ssdp:alive", service };
}

/** What a device is looked for by: its root, itself, and its kind; each with the name that it has as that. */
export function serviceNames(uuid: string, deviceType: string): readonly Pick<SsdpService, "target" | "usn">[] {
  const own = `uuid:${uuid}`;
  return [
    { target: "upnp:rootdevice", usn: `${own}::upnp:rootdevice` },
    { target: own, usn: own },
    { target: deviceType, usn: `${own}::${deviceType}` },
  ];
}

function serviceOf({ headers }: SsdpMessage, key: "st" | "nt"): SsdpService | undefined {
  const [target, usn] = [headers.get(key), headers.get("usn")];
  if (!target || !usn) return undefined;
  return {
    target,
    usn,
    location: headers.get("location") ?? "",
    server: headers.get("server") ?? "",
    maxAge: Number(/max-age\s*=\s*(\d{1,9})/i.exec(headers.get("cache-control") ?? "")?.[1] ?? 0),
  };
}

/** Values are written by us, or were read from a line: none has an end of line. */
function format(start: string, headers: Readonly<Record<string, string | number>>): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => (value === "" ? `${name}:` : `${name}: ${value}`));
  return Buffer.from(`${[start, ...lines].join("\r\n")}\r\n\r\n`, "latin1");
}
