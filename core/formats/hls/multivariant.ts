// What stands in the attributes of a multivariant playlist's tags (RFC 8216 §4.3.4).
import { Buffer } from "node:buffer";
import type { Attributes } from "./attributes.ts";
import type { Key, Rendition, SessionData, Variant } from "./model.ts";

/** §4.3.4.2, §4.3.4.3 */
export function readVariant(attributes: Attributes, uri: string): Variant {
  const codecs = attributes.get("CODECS");
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/i.exec(attributes.get("RESOLUTION") ?? "") ?? [];
  const captions = attributes.get("CLOSED-CAPTIONS");
  return {
    uri,
    bandwidth: readNumber(attributes.get("BANDWIDTH")) ?? 0,
    ...given("averageBandwidth", readNumber(attributes.get("AVERAGE-BANDWIDTH"))),
    ...given("codecs", codecs === undefined ? undefined : codecs.split(",").map((codec) => codec.trim())),
    ...given("resolution", width && height ? { width: Number(width), height: Number(height) } : undefined),
    ...given("frameRate", readNumber(attributes.get("FRAME-RATE"))),
    ...given("audio", attributes.get("AUDIO")),
    ...given("video", attributes.get("VIDEO")),
    ...given("subtitles", attributes.get("SUBTITLES")),
    ...given("closedCaptions", captions === "NONE" ? undefined : captions),
    ...given("name", attributes.get("NAME")),
  };
}

/** §4.3.4.1 */
export function readRendition(attributes: Attributes): Rendition {
  const yes = (name: string) => attributes.get(name) === "YES";
  return {
    type: attributes.get("TYPE") ?? "",
    group: attributes.get("GROUP-ID") ?? "",
    name: attributes.get("NAME") ?? "",
    default: yes("DEFAULT"),
    autoselect: yes("AUTOSELECT"),
    forced: yes("FORCED"),
    ...given("uri", attributes.get("URI")),
    ...given("language", attributes.get("LANGUAGE")),
    ...given("channels", attributes.get("CHANNELS")),
    ...given("characteristics", attributes.get("CHARACTERISTICS")),
    ...given("instream", attributes.get("INSTREAM-ID")),
  };
}

/** §4.3.4.4 */
export function readSessionData(attributes: Attributes): SessionData {
  return {
    id: attributes.get("DATA-ID") ?? "",
    ...given("value", attributes.get("VALUE")),
    ...given("uri", attributes.get("URI")),
    ...given("language", attributes.get("LANGUAGE")),
  };
}

/** §4.3.2.4; undefined for `METHOD=NONE`. */
export function readKey(attributes: Attributes): Key | undefined {
  const method = attributes.get("METHOD") ?? "NONE";
  if (method === "NONE") return undefined;
  const [, hex] = /^0x([0-9a-f]{1,32})$/i.exec(attributes.get("IV") ?? "") ?? [];
  return {
    method,
    format: attributes.get("KEYFORMAT") ?? "identity",
    ...given("uri", attributes.get("URI")),
    ...given("iv", hex === undefined ? undefined : new Uint8Array(Buffer.from(hex.padStart(32, "0"), "hex"))),
  };
}

function readNumber(text: string | undefined): number | undefined {
  const value = text === undefined || !/^\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** An object with the one field, or none where there is no value: absent and undefined are not the same. */
export function given<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
