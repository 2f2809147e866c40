// Session descriptions (SDP, RFC 8866), as far as RTSP needs them: media, their codecs, and where each is controlled.
//
// Reading is lenient, for cameras are: any line ends, unknown lines are skipped, and nothing throws.

/** An attribute (§5.13); a flag such as `recvonly` has no value. */
export interface SdpAttribute {
  readonly name: string;
  readonly value?: string;
}

/** What may be said of the session and of each medium alike. */
export interface SdpPart {
  /** `i=` (§5.4). */
  readonly title?: string;
  /** `c=` (§5.7): `IN IP4 239.0.0.1/16`. */
  readonly connection?: string;
  /** `b=` (§5.8): `AS:2000`. */
  readonly bandwidths: readonly string[];
  readonly attributes: readonly SdpAttribute[];
}

export interface SessionDescription extends SdpPart {
  /** `o=` (§5.2), as it stands. */
  readonly origin?: string;
  /** `s=` (§5.3). */
  readonly name: string;
  /** `t=` (§5.9), as they stand. */
  readonly times: readonly string[];
  readonly media: readonly SdpMedia[];
}

/** `m=` (§5.14) and what follows it. */
export interface SdpMedia extends SdpPart {
  /** `video`, `audio`, `application`, … */
  readonly kind: string;
  /** 0 in RTSP, as a rule. */
  readonly port: number;
  /** How many ports, when it says so. */
  readonly ports?: number;
  /** `RTP/AVP`, `udp`, … */
  readonly protocol: string;
  /** RTP payload types, or whatever the protocol has for formats. */
  readonly formats: readonly string[];
}

/** A payload type of a medium, and what it carries (§6.6, §6.15). */
export interface SdpPayload {
  readonly type: number;
  /** As written: `H264`, `MPEG4-GENERIC`, `MP2T`; of the static types that RFC 3551 §6 names, its name. */
  readonly encoding: string;
  /** Ticks of a time stamp per second. */
  readonly clockRate: number;
  readonly channels?: number;
  /** Of `fmtp`, names in lower case; what has no `=` is a name with an empty value. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Lines beyond these are not read: no description has so many. */
const maxLines = 4096;

interface Draft {
  title?: string;
  connection?: string;
  bandwidths: string[];
  attributes: SdpAttribute[];
}

/** Reads a description; what is not there is empty. */
export function parseSdp(text: string): SessionDescription {
  const session: Draft & { origin?: string; name: string; times: string[]; media: SdpMedia[] } = {
    name: "",
    times: [],
    media: [],
    bandwidths: [],
    attributes: [],
  };
  let part: Draft | undefined = session;
  for (const line of text.split(/\r\n|\r|\n/, maxLines)) {
    const key = line.trimStart().slice(0, 2);
    const value = line.trimStart().slice(2).trim();
    if (key === "m=") {
      const medium = parseMedium(value);
      if (medium) session.media.push(medium);
      // What follows a medium that cannot be read is not the session's.
      part = medium;
    } else if (key === "o=") session.origin = value;
    else if (key === "s=") session.name = value;
    else if (key === "t=") session.times.push(value);
    else if (part && key === "i=") part.title = value;
    else if (part && key === "c=") part.connection = value;
    else if (part && key === "b=") part.bandwidths.push(value);
    else if (part && key === "a=") part.attributes.push(parseAttribute(value));
  }
  return session;
}

/** Writes a description (§5), in the order that the standard wants. Line breaks in values become spaces. */
export function formatSdp(session: SessionDescription): string {
  const lines = [
    "v=0",
    ...(session.origin === undefined ? [] : [`o=${session.origin}`]),
    `s=${session.name}`,
    ...formatPart(
      session,
      session.times.map((time) => `t=${time}`),
    ),
  ];
  for (const medium of session.media) {
    const port = medium.ports === undefined ? medium.port : `${medium.port}/${medium.ports}`;
    lines.push([`m=${medium.kind}`, port, medium.protocol, ...medium.formats].join(" "), ...formatPart(medium, []));
  }
  return lines.map((line) => `${line.replace(/[\r\n]+/g, " ")}\r\n`).join("");
}

/** The value of an attribute by its name; `""` for a flag, undefined when it is not there. */
export function attributeOf(part: SdpPart, name: string): string | undefined {
  const found = part.attributes.find((attribute) => attribute.name.toLowerCase() === name);
  return found && (found.value ?? "");
}

/** The payload types of a medium, in order. Formats that are no payload type are left out. */
export function payloadsOf(medium: SdpMedia): SdpPayload[] {
  const byType = (name: string) => {
    const values = new Map<number, string>();
    for (const attribute of medium.attributes) {
      const [, type, value] = /^(\d{1,3})\s+(.*)$/.exec(attribute.value ?? "") ?? [];
      if (attribute.name.toLowerCase() === name && type !== undefined) values.set(Number(type), value ?? "");
    }
    return values;
  };
  const maps = byType("rtpmap");
  const parameters = byType("fmtp");
  return medium.formats.flatMap((format) => {
    const type = Number(format);
    if (!/^\d{1,3}$/.test(format) || type > 127) return [];
    const [encoding = "", rate = "", channels] = (maps.get(type) ?? staticPayloads[type] ?? "").split("/");
    return [
      {
        type,
        encoding: encoding.trim(),
        clockRate: Number.parseInt(rate, 10) || 0,
        ...(channels !== undefined && Number.parseInt(channels, 10) > 0
          ? { channels: Number.parseInt(channels, 10) }
          : {}),
        parameters: parseParameters(parameters.get(type) ?? ""),
      },
    ];
  });
}

/** Of RFC 3551 §6, tables 4 and 5, what is still met. */
const staticPayloads: Readonly<Record<number, string>> = {
  0: "PCMU/8000",
  3: "GSM/8000",
  8: "PCMA/8000",
  9: "G722/8000",
  10: "L16/44100/2",
  11: "L16/44100",
  14: "MPA/90000",
  26: "JPEG/90000",
  31: "H261/90000",
  32: "MPV/90000",
  33: "MP2T/90000",
  34: "H263/90000",
};

function parseMedium(value: string): (SdpMedia & Draft) | undefined {
  const [kind, where = "", protocol, ...formats] = value.split(/\s+/);
  const [, port, ports] = /^(\d{1,5})(?:\/(\d{1,5}))?$/.exec(where) ?? [];
  if (!kind || port === undefined || protocol === undefined) return undefined;
  return {
    kind,
    port: Number(port),
    ...(ports === undefined ? {} : { ports: Number(ports) }),
    protocol,
    formats,
    bandwidths: [],
    attributes: [],
  };
}

function parseAttribute(text: string): SdpAttribute {
  const colon = text.indexOf(":");
  return colon < 0 ? { name: text } : { name: text.slice(0, colon), value: text.slice(colon + 1).trim() };
}

function parseParameters(text: string): Record<string, string> {
  const parameters: [string, string][] = [];
  for (const part of text.split(";")) {
    const sign = part.indexOf("=");
    const name = (sign < 0 ? part : part.slice(0, sign)).trim().toLowerCase();
    if (name !== "") parameters.push([name, sign < 0 ? "" : part.slice(sign + 1).trim()]);
  }
  return Object.fromEntries(parameters);
}

function formatPart(part: SdpPart, times: readonly string[]): string[] {
  return [
    ...(part.title === undefined ? [] : [`i=${part.title}`]),
    ...(part.connection === undefined ? [] : [`c=${part.connection}`]),
    ...part.bandwidths.map((bandwidth) => `b=${bandwidth}`),
    ...times,
    ...part.attributes.map(({ name, value }) => (value === undefined ? `a=${name}` : `a=${name}:${value}`)),
  ];
}
