// How a channel appears outside: the id under which the guide lists it, and whether two of them are the same.
import type { Channel } from "../types.ts";

/**
 * The guide id that the lineup publishes. The provider's own where there is one; a shifted channel gets an id of its own,
 * since its programmes lie elsewhere than those of the channel it follows; else one made of the channel's id, in the
 * domain-like form that XMLTV wants.
 */
export function outputGuideId(channel: Channel, instance: string, id: string): string {
  const shift = channel.guideShift ? shiftTail(channel.guideShift) : "";
  if (channel.guideId) return channel.guideId + shift;
  return `${id}.${instance}`.replace(/[^A-Za-z0-9.-]+/g, "-") + shift;
}

function shiftTail(shift: number): string {
  return `.${shift > 0 ? "plus" : "minus"}${Math.abs(Math.round(shift / 60_000))}`;
}

/** Deep equality of plain values: texts, numbers, booleans, lists and records; an absent key equals an undefined one. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!same(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}
