// How a channel appears outside: the id under which the guide lists it, and whether it is still the same.
import type { Channel, LineupChannel } from "../types.ts";

/**
 * The guide id that the lineup publishes. The provider's own where there is one; a shifted channel gets an id of its own,
 * since its programmes lie elsewhere than those of the channel it follows; else one made of the channel's id, in the
 * domain-like form that XMLTV wants.
 */
export function outputGuideId(channel: Channel, instance: string, id: string): string {
  const shift = channel.guideShift ? shiftTail(channel.guideShift) : "";
  return (channel.guideId ?? madeGuideId(instance, id)) + shift;
}

function madeGuideId(instance: string, id: string): string {
  return `${id.slice(instance.length + 1)}.${instance}`.replace(/[^A-Za-z0-9.-]+/g, "-");
}

function shiftTail(shift: number): string {
  return `.${shift > 0 ? "plus" : "minus"}${Math.abs(Math.round(shift / 60_000))}`;
}

/** The provider's own guide id; undefined where the published one was made here. */
export function ownGuideId(channel: LineupChannel): string | undefined {
  const { guideId, guideShift, instance, id } = channel;
  const plain = guideShift ? guideId.slice(0, -shiftTail(guideShift).length) : guideId;
  // Only a made one can end in the instance's name; most do not even look like it.
  if (!plain.endsWith(`.${instance.replace(/[^A-Za-z0-9.-]+/g, "-")}`)) return plain;
  return plain === madeGuideId(instance, id) ? undefined : plain;
}

/** Shared, because nearly every channel has it. */
export const none: readonly never[] = [];

/** A provider's channel as the lineup publishes it under an id, `<instance>:<id>`, and a number. */
export function publish(
  channel: Channel,
  instance: string,
  id: string,
  number: string,
  deliver?: LineupChannel["deliver"],
): LineupChannel {
  const guideId = outputGuideId(channel, instance, id);
  const published = { ...channel, id, instance, number, guideId, alternates: none, ...(deliver && { deliver }) };
  return channel.id === undefined ? published : { ...published, ownId: channel.id };
}

/** The channel, delivered in another way. */
export function redelivered(
  { deliver: _, ...channel }: LineupChannel,
  deliver: LineupChannel["deliver"],
): LineupChannel {
  return deliver ? { ...channel, deliver } : channel;
}

/** Whether upstream still says of a channel what it said. Texts first: they are what changes. */
export function sameChannel(a: Channel, b: LineupChannel): boolean {
  return (
    a.account === b.account &&
    a.name === b.name &&
    a.url === b.url &&
    a.id === b.ownId &&
    a.logo === b.logo &&
    a.guideName === b.guideName &&
    a.guideShift === b.guideShift &&
    a.radio === b.radio &&
    a.timeshift === b.timeshift &&
    a.timeshiftSize === b.timeshiftSize &&
    a.timeshiftWhen === b.timeshiftWhen &&
    a.segment === b.segment &&
    a.hls === b.hls &&
    a.linger === b.linger &&
    outputGuideId(a, b.instance, b.id) === b.guideId &&
    same(a.groups, b.groups) &&
    same(a.headers, b.headers) &&
    same(a.catchup, b.catchup) &&
    same(a.properties, b.properties) &&
    same(a.attributes, b.attributes) &&
    same(a.directives, b.directives)
  );
}

/** Deep equality of plain values: texts, numbers, booleans, lists and records. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, place) => same(item, b[place]));
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!same(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}
