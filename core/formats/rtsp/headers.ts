// The RTSP headers with a grammar of their own: Transport, Session and Range (RFC 2326 §12.39, §12.37, §12.29).

/** One way to carry media, as one of Transport's alternatives says it (§12.39). */
export interface RtspTransport {
  /** `RTP/AVP`, `RTP/AVP/TCP`, `MP2T/H2221/UDP`, … */
  readonly protocol: string;
  readonly delivery?: "unicast" | "multicast";
  readonly destination?: string;
  readonly source?: string;
  /** Channels of interleaved frames: media, and its control. */
  readonly interleaved?: RtspPorts;
  /** Of a multicast group. */
  readonly port?: RtspPorts;
  readonly clientPort?: RtspPorts;
  readonly serverPort?: RtspPorts;
  /** Eight hexadecimal digits. */
  readonly ssrc?: string;
  /** Parameters with no place above, as written; a flag has an empty value. */
  readonly others?: readonly (readonly [name: string, value: string])[];
}

/** One number or two. */
export type RtspPorts = readonly [first: number, second?: number];

const portNames = {
  interleaved: "interleaved",
  port: "port",
  client_port: "clientPort",
  server_port: "serverPort",
} as const;

/** Reads the alternatives of a Transport header; what has no protocol is left out. */
export function parseTransports(value: string): RtspTransport[] {
  return value.split(",").flatMap((alternative) => {
    const [protocol = "", ...parameters] = alternative.split(";").map((part) => part.trim());
    return protocol === "" || protocol.includes("=") ? [] : [parseTransport(protocol, parameters)];
  });
}

function parseTransport(protocol: string, parameters: readonly string[]): RtspTransport {
  const transport: { -readonly [Key in keyof RtspTransport]: RtspTransport[Key] } = { protocol };
  const others: [string, string][] = [];
  for (const parameter of parameters) {
    const [, name = "", value = ""] = /^([^=]*?)\s*(?:=\s*(.*))?$/s.exec(parameter) ?? [];
    const key = name.toLowerCase();
    const ports = key in portNames ? parsePorts(value) : undefined;
    if (key === "unicast" || key === "multicast") transport.delivery = key;
    else if (ports) transport[portNames[key as keyof typeof portNames]] = ports;
    else if ((key === "destination" || key === "source" || key === "ssrc") && value !== "") transport[key] = value;
    else if (name !== "") others.push([name, value]);
  }
  if (others.length > 0) transport.others = others;
  return transport;
}

/** Writes a Transport header of these alternatives, best first. */
export function formatTransport(...alternatives: readonly RtspTransport[]): string {
  return alternatives
    .map((transport) => {
      const { protocol, delivery, destination, source, ssrc, others = [] } = transport;
      return [
        protocol,
        ...(delivery === undefined ? [] : [delivery]),
        ...(destination === undefined ? [] : [`destination=${destination}`]),
        ...(source === undefined ? [] : [`source=${source}`]),
        ...Object.entries(portNames).flatMap(([name, key]) => {
          const ports = transport[key];
          return ports ? [`${name}=${ports.filter((port) => port !== undefined).join("-")}`] : [];
        }),
        ...(ssrc === undefined ? [] : [`ssrc=${ssrc}`]),
        ...others.map(([name, value]) => (value === "" ? name : `${name}=${value}`)),
      ].join(";");
    })
    .join(",");
}

function parsePorts(value: string): RtspPorts | undefined {
  const [, first, second] = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(value) ?? [];
  if (first === undefined) return undefined;
  return second === undefined ? [Number(first)] : [Number(first), Number(second)];
}

/** A Session header (§12.37): the id, and for how many milliseconds the server keeps it without a request. */
export function parseSession(value: string): { readonly id: string; readonly timeout: number } | undefined {
  const [id = "", ...parameters] = value.split(";").map((part) => part.trim());
  if (id === "") return undefined;
  const seconds = parameters.map((parameter) => /^timeout\s*=\s*"?(\d{1,6})/i.exec(parameter)?.[1]).find(Boolean);
  return { id, timeout: Number(seconds) > 0 ? Number(seconds) * 1000 : 60_000 };
}

/** Writes a Session header; the timeout in whole seconds. */
export function formatSession({ id, timeout }: { readonly id: string; readonly timeout: number }): string {
  return `${id};timeout=${Math.round(timeout / 1000)}`;
}

/** A stretch of a presentation (§12.29); without `to` it is open. */
export type RtspRange =
  /** Normal play time (§3.6): milliseconds from its beginning, or the live edge. */
  | { readonly unit: "npt"; readonly from?: number | "now"; readonly to?: number }
  /** Absolute time (§3.7): milliseconds since the Unix epoch. */
  | { readonly unit: "clock"; readonly from?: number; readonly to?: number };

/** Reads a range of either unit. `end`, which some servers write, is an open end. */
export function parseRange(value: string): RtspRange | undefined {
  const [, unit = "", from = "", to = ""] =
    /^\s*(npt|clock)\s*[=:]\s*([^\s;-]*)\s*-\s*([^\s;]*)\s*(?:;|$)/i.exec(value) ?? [];
  const read = unit.toLowerCase() === "npt" ? parsePlayTime : parseClock;
  if (unit === "") return undefined;
  const end = to === "" || /^end$/i.test(to) ? undefined : read(to);
  const last = end === undefined ? {} : { to: end };
  if (unit.toLowerCase() === "npt" && /^now$/i.test(from)) return { unit: "npt", from: "now", ...last };
  const begin = from === "" ? undefined : read(from);
  if (from !== "" && begin === undefined) return undefined;
  const first = begin === undefined ? {} : { from: begin };
  return { unit: unit.toLowerCase() === "npt" ? "npt" : "clock", ...first, ...last };
}

/**
 * Writes a range.
 *
 * @example formatRange({ unit: "npt", from: 600_000 }) // "npt=600.000-"
 */
export function formatRange(range: RtspRange): string {
  const write = range.unit === "npt" ? formatPlayTime : formatClock;
  const text = (time: number | "now" | undefined) => (time === undefined ? "" : time === "now" ? time : write(time));
  return `${range.unit}=${text(range.from)}-${text(range.to)}`;
}

/** Seconds, or hours:minutes:seconds, with a fraction. */
function parsePlayTime(text: string): number | undefined {
  const [, hours = "0", minutes = "0", seconds] =
    /^(?:(\d{1,6}):(\d{1,2}):)?(\d{1,10}(?:\.\d{0,9})?)$/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000);
}

function formatPlayTime(ms: number): string {
  return (Math.max(0, ms) / 1000).toFixed(3);
}

function parseClock(text: string): number | undefined {
  const [, year, month, day, hours, minutes, seconds] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d(?:\.\d{0,9})?)Z$/i.exec(text) ?? [];
  if (year === undefined) return undefined;
  const minute = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hours), Number(minutes));
  return minute + Math.round(Number(seconds) * 1000);
}

function formatClock(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]/g, "").replace(".000", "");
}
