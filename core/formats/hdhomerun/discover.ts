// Searches for HDHomeRun devices, and a tuner's answers to them (libhdhomerun's hdhomerun_discover.c).
import { Buffer } from "node:buffer";
import { formatPacket, type PacketValue, packetTags, packetTypes, parsePacket, viewOf } from "./packet.ts";

/** Kinds of devices, as u32. */
export const deviceTypes = { tuner: 1, storage: 5, any: 0xffffffff } as const;

/** Any device, as an id. */
export const anyDeviceId = 0xffffffff;

/** Who is looked for. */
export interface DiscoverRequest {
  /** Kinds of devices; empty: any. */
  readonly types: readonly number[];
  /** Absent: any device. */
  readonly id?: number;
}

/**
 * Reads a search in all its shapes: with a type and an id, with one of them alone, or with several types.
 * Undefined when it is something else, or a value has another length than it must.
 */
export function parseDiscoverRequest(datagram: Uint8Array): DiscoverRequest | undefined {
  const packet = parsePacket(datagram);
  if (packet?.type !== packetTypes.discoverRequest) return undefined;
  const types: number[] = [];
  let id: number | undefined;
  for (const { tag, value } of packet.values) {
    if (tag === packetTags.deviceType || tag === packetTags.multiType) {
      if (value.length === 0 || value.length % 4 !== 0) return undefined;
      if (tag === packetTags.deviceType && value.length !== 4) return undefined;
      for (let at = 0; at < value.length; at += 4) types.push(viewOf(value).getUint32(at));
    } else if (tag === packetTags.deviceId) {
      if (value.length !== 4) return undefined;
      id = viewOf(value).getUint32(0);
    }
  }
  return {
    types: types.includes(deviceTypes.any) ? [] : types,
    ...(id === undefined || id === anyDeviceId ? {} : { id }),
  };
}

/** Writes a search as today's libhdhomerun does: an id only when one is wanted, a list only for several types. */
export function formatDiscoverRequest({ types, id }: DiscoverRequest): Uint8Array {
  const values: PacketValue[] =
    types.length > 1
      ? [{ tag: packetTags.multiType, value: Uint8Array.from(types.flatMap((type) => [...u32(type)])) }]
      : [{ tag: packetTags.deviceType, value: u32(types[0] ?? deviceTypes.any) }];
  if (id !== undefined) values.push({ tag: packetTags.deviceId, value: u32(id) });
  return formatPacket({ type: packetTypes.discoverRequest, values });
}

/** Whether a tuner of this id is among those that are looked for. */
export function isLookedFor({ types, id }: DiscoverRequest, own: number): boolean {
  return (types.length === 0 || types.includes(deviceTypes.tuner)) && (id === undefined || id === own);
}

/** What a tuner answers to a search. */
export interface DiscoverReply {
  readonly id: number;
  /** 1–255. */
  readonly tuners: number;
  /** Clients of before 2022 take at most 28 characters, and an address with more for none. */
  readonly baseUrl?: string;
  /** At most 127 characters. */
  readonly lineupUrl?: string;
}

export function formatDiscoverReply({ id, tuners, baseUrl, lineupUrl }: DiscoverReply): Uint8Array {
  const values: PacketValue[] = [
    { tag: packetTags.deviceType, value: u32(deviceTypes.tuner) },
    { tag: packetTags.deviceId, value: u32(id) },
    { tag: packetTags.tunerCount, value: Uint8Array.of(tuners) },
  ];
  if (baseUrl !== undefined) values.push({ tag: packetTags.baseUrl, value: Buffer.from(baseUrl) });
  if (lineupUrl !== undefined) values.push({ tag: packetTags.lineupUrl, value: Buffer.from(lineupUrl) });
  return formatPacket({ type: packetTypes.discoverReply, values });
}

/** Reads a tuner's answer; undefined when it is something else, or not a tuner's. */
export function parseDiscoverReply(datagram: Uint8Array): DiscoverReply | undefined {
  const packet = parsePacket(datagram);
  if (packet?.type !== packetTypes.discoverReply) return undefined;
  const find = (tag: number, length?: number) =>
    packet.values.find((each) => each.tag === tag && (length === undefined || each.value.length === length))?.value;
  const [type, id] = [find(packetTags.deviceType, 4), find(packetTags.deviceId, 4)];
  if (!type || !id || viewOf(type).getUint32(0) !== deviceTypes.tuner) return undefined;
  const [baseUrl, lineupUrl] = [find(packetTags.baseUrl), find(packetTags.lineupUrl)];
  return {
    id: viewOf(id).getUint32(0),
    tuners: find(packetTags.tunerCount, 1)?.[0] ?? 0,
    ...(baseUrl ? { baseUrl: Buffer.from(baseUrl).toString() } : {}),
    ...(lineupUrl ? { lineupUrl: Buffer.from(lineupUrl).toString() } : {}),
  };
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}
