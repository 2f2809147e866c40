// Figures as people read them.
import type { Facts } from "./api.ts";

/** `H.264 1920×1080, 25 fps · AAC 48 kHz`; empty when nothing is known. */
export function describeFacts({ video, audio }: Facts): string {
  const parts: string[] = [];
  if (video) {
    const size = video.width && video.height ? ` ${video.width}×${video.height}` : "";
    parts.push(`${video.codec}${size}${video.fps ? `, ${video.fps} fps` : ""}`);
  }
  if (audio) parts.push(`${audio.codec}${audio.rate ? ` ${audio.rate / 1000} kHz` : ""}`);
  else if (video) parts.push("no sound");
  return parts.join(" · ");
}

export function describeBits(bits: number): string {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bits / 1000)} kbit/s`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}

/** How long ago, roughly: `3 min`. */
export function ago(iso: string): string {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** The time of day, or the day as well when it is not today. */
export function clockTime(iso: string): string {
  const at = new Date(iso);
  const today = at.toDateString() === new Date(Date.now()).toDateString();
  return today ? at.toLocaleTimeString() : at.toLocaleString();
}

const states: Readonly<Record<string, string>> = {
  idle: "idle",
  opening: "opening",
  running: "running",
  lingering: "about to close",
  failing: "failing",
  closing: "closing",
};

export const stateWord = (state: string): string => states[state] ?? state;
