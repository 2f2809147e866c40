// Variables of an HDHomeRun device that are read and set over TCP (libhdhomerun's hdhomerun_control.c).
import { Buffer } from "node:buffer";
import { formatPacket, type Packet, type PacketValue, packetTags, packetTypes } from "./packet.ts";

/** A variable that is read, or set when there is a value. */
export interface GetSetRequest {
  readonly name: string;
  readonly value?: string;
}

/** Undefined when the packet is something else, or names nothing. */
export function parseGetSetRequest({ type, values }: Packet): GetSetRequest | undefined {
  if (type !== packetTypes.getSetRequest) return undefined;
  const name = textOf(values, packetTags.name);
  const value = textOf(values, packetTags.value);
  return name === undefined ? undefined : { name, ...(value === undefined ? {} : { value }) };
}

export function formatGetSetRequest({ name, value }: GetSetRequest): Uint8Array {
  const values: PacketValue[] = [{ tag: packetTags.name, value: text(name) }];
  if (value !== undefined) values.push({ tag: packetTags.value, value: text(value) });
  return formatPacket({ type: packetTypes.getSetRequest, values });
}

/** The value of a variable, or why there is none. */
export type GetSetReply = { readonly name: string; readonly value: string } | { readonly error: string };

export function parseGetSetReply({ type, values }: Packet): GetSetReply | undefined {
  if (type !== packetTypes.getSetReply) return undefined;
  const error = textOf(values, packetTags.error);
  if (error !== undefined) return { error };
  const [name, value] = [textOf(values, packetTags.name), textOf(values, packetTags.value)];
  return name === undefined || value === undefined ? undefined : { name, value };
}

export function formatGetSetReply(reply: GetSetReply): Uint8Array {
  const values =
    "error" in reply
      ? [{ tag: packetTags.error, value: text(reply.error) }]
      : [
          { tag: packetTags.name, value: text(reply.name) },
          { tag: packetTags.value, value: text(reply.value) },
        ];
  return formatPacket({ type: packetTypes.getSetReply, values });
}

/** Ends with a NUL, which is counted. */
function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

function textOf(values: readonly PacketValue[], tag: number): string | undefined {
  const value = values.find((each) => each.tag === tag)?.value;
  return value && Buffer.from(value).toString().replace(/\0.*$/s, "");
}
