// What an instance says of its sources: one sentence for people, worse news first.
import type { Health } from "../../core/plugin.ts";
import type { HalfStatus } from "./half.ts";
import type { SourceStatus } from "./source.ts";

/** More than this are counted, not told. */
const most = 5;

/** `kodi` is why its add-ons could not be asked for. */
export function summarise(sources: readonly SourceStatus[], kodi?: unknown): Health {
  const halves = sources.flatMap(({ name, channels, guide }) => [
    ...(channels ? [{ name: `${name} channels`, noun: "channels", half: channels }] : []),
    ...(guide ? [{ name: `${name} guide`, noun: "programmes", half: guide }] : []),
  ]);
  const failed = halves.filter(({ half }) => half.error !== undefined);
  if (failed.length > 0 || kodi) {
    const told = failed.slice(0, most).map(({ name, noun, half }) => tellFailure(name, noun, half));
    if (kodi) told.unshift(`Kodi's add-ons cannot be looked up: ${sentenceOf(kodi)}; those known stay`);
    const rest = failed.length > most ? [`and ${failed.length - most} more`] : [];
    return { state: "degraded", sentence: [...told, ...rest].join("; ") };
  }
  const told = sources.slice(0, most).map(tellSource);
  const rest = sources.length > most ? [`and ${sources.length - most} more sources`] : [];
  return { state: "ok", sentence: [...told, ...rest].join("; ") || "no sources" };
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
  if (state === "waiting") return `${noun} not asked yet`;
  const reasons = [
    ...Object.entries(dropped).map(([reason, n]) => `${n} dropped: ${reason}`),
    ...Object.entries(mended).map(([reason, n]) => `${n} with ${reason}`),
  ];
  const told = count === undefined ? "guide" : `${count} ${noun}`;
  return reasons.length > 0 ? `${told} (${reasons.join(", ")})` : told;
}
