// What an instance says of its sources: one sentence for people, worse news first.
import type { Health } from "../../core/plugin.ts";
import type { HalfStatus } from "./half.ts";
import type { SourceStatus } from "./source.ts";

/** More than this are counted, not told. */
const most = 5;

/** What is known of the Kodi whose add-ons are sources. */
export interface KodiState {
  /** Why its add-ons could not be asked for. */
  readonly error: unknown;
  /** Ids of add-ons that the config names and it does not have. */
  readonly missing: readonly string[];
}

export function summarise(sources: readonly SourceStatus[], kodi?: KodiState): Health {
  const halves = sources.flatMap(({ name, channels, guide }) => [
    ...(channels ? [{ name: `${name} channels`, noun: "channels", half: channels }] : []),
    ...(guide ? [{ name: `${name} guide`, noun: "programmes", half: guide }] : []),
  ]);
  const failed = halves.filter(({ half }) => half.error !== undefined);
  const told = [
    ...(kodi?.error ? [`Kodi's add-ons cannot be looked up: ${sentenceOf(kodi.error)}; those known stay`] : []),
    ...(kodi?.missing ?? []).map((id) => `${id}: no add-on of this Kodi by this id has IPTV Manager switched on`),
    ...failed.map(({ name, noun, half }) => tellFailure(name, noun, half)),
  ];
  if (told.length > 0) return { state: "degraded", sentence: join(told, "more") };
  const none = kodi ? "no add-on of this Kodi has IPTV Manager switched on" : "no sources";
  return { state: "ok", sentence: join(sources.map(tellSource), "more sources") || none };
}

function join(told: readonly string[], more: string): string {
  const rest = told.length > most ? [`and ${told.length - most} ${more}`] : [];
  return [...told.slice(0, most), ...rest].join("; ");
}

/** What went wrong, in a sentence; most begin with the half's name already. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function tellFailure(name: string, noun: string, { error = "", count, state }: HalfStatus): string {
  const said = error.startsWith(name) ? error : `${name}: ${error}`;
  if (state !== "last good") return said;
  return `${said}; the last good ${count === undefined ? "one stays" : `${count} ${noun} stay`}`;
}

function tellSource({ name, channels, guide }: SourceStatus): string {
  const parts = [channels && tellHalf(channels, "channels"), guide && tellHalf(guide, "programmes")];
  return `${name}: ${parts.filter(Boolean).join(", ")}`;
}

function tellHalf({ state, count, dropped = {}, mended = {} }: HalfStatus, noun: string): string {
  if (state === "waiting") return `${noun} not there yet`;
  const reasons = [
    ...Object.entries(dropped).map(([reason, n]) => `${n} dropped: ${reason}`),
    ...Object.entries(mended).map(([reason, n]) => `${n} with ${reason}`),
  ];
  const told = count === undefined ? "guide" : `${count} ${noun}`;
  return reasons.length > 0 ? `${told} (${reasons.join(", ")})` : told;
}
