// A camera as somebody fills it in: checked by the config's own rules, and turned into changes of the config file.
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { fillLink, findNewPlaceholder, restoreLink, struck } from "./admin-link.ts";
import { camera, nickname } from "./config.ts";

/** What stands in the config file, as written there. */
export type Written = Readonly<Record<string, unknown>>;

/** Sets, or by undefined removes, what stands at a path below the instance. */
export interface Change {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** What is wrong, by the field that it is wrong in. */
export type Faults = Readonly<Record<string, string>>;

/** A camera's keys, in the order in which they are written. */
export const keys = Object.keys(camera.shape) as readonly (keyof typeof camera.shape)[];

/** A camera as it is now: as written, and with the address that is in force. */
export interface Known {
  readonly written: string | Written;
  readonly url: string;
}

/** A form that is right: `written` as it shall stand in the file, `filled` with every secret, to be dialled. */
export interface Filled {
  readonly nickname: string;
  readonly written: Written;
  readonly filled: z.output<typeof camera>;
}

/** A camera's keys, whichever way it is written. */
export function keysOf(written: unknown): Written {
  if (typeof written === "string") return { url: written };
  return typeof written === "object" && written !== null ? (written as Written) : {};
}

/**
 * What is left out of a form stays as it is, what is empty or null goes back to its default.
 *
 * @param known the camera that is edited; undefined: a new one
 */
export function readForm(form: unknown, known: Known | undefined): { value: Filled } | { faults: Faults } {
  if (typeof form !== "object" || form === null || Array.isArray(form))
    return { faults: { "": "expected a camera: nickname, url and what else it shall be told" } };
  const before = keysOf(known?.written);
  const given = form as Written;
  const faults: Record<string, string> = {};
  const written: Record<string, unknown> = {};
  for (const key of keys) {
    const value = Object.hasOwn(given, key) ? tidy(given[key]) : before[key];
    if (value !== undefined && value !== null && value !== "") written[key] = value;
  }
  const old = typeof before.url === "string" ? before.url : undefined;
  const url = typeof written.url === "string" ? written.url : "";
  const restored = restoreLink(url, old);
  if (restored === undefined) faults.url = `${struck} stands for a password that is not known here: type it`;
  else if (url !== "") written.url = restored;
  for (const key of Object.keys(given))
    if (key !== "nickname" && !keys.some((known) => known === key)) faults[key] = "unknown key";
  for (const [key, value] of Object.entries(written)) {
    if (typeof value !== "string" || value === before[key]) continue;
    const strange = key === "url" ? findNewPlaceholder(value, old) : /\$\{[^}]*\}?/.exec(value)?.[0];
    if (strange) faults[key] ??= `${strange} is filled in only where the config file is edited by hand`;
  }
  const dialled = old === undefined || !known ? written.url : fillLink(String(written.url), old, known.url);
  const name = nickname.safeParse(given.nickname);
  if (!name.success)
    faults.nickname =
      typeof given.nickname === "string" && given.nickname !== ""
        ? reasonOf(name.error)
        : "every camera needs a nickname";
  if (url === "") faults.url = "every camera needs the address of its stream";
  const checked = camera.safeParse({ ...literal(written), ...(dialled === undefined ? {} : { url: dialled }) });
  for (const issue of checked.error?.issues ?? []) faults[String(issue.path[0] ?? "")] ??= issue.message;
  if (Object.keys(faults).length > 0 || !checked.success || !name.success) return { faults };
  return { value: { nickname: name.data, written, filled: checked.data } };
}

function reasonOf(error: z.ZodError): string {
  return error.issues[0]?.message ?? "not as expected";
}

function tidy(value: unknown): unknown {
  return typeof value === "string" ? value.trim() : value;
}

/** What the file fills in is of no use to a schema; the file's own check sees it filled in. */
function literal(written: Written): Written {
  return Object.fromEntries(
    Object.entries(written).filter(
      ([key, value]) => key === "url" || !(typeof value === "string" && value.includes("${")),
    ),
  );
}

/** What to write for a new camera: as little as says it. */
export function planAdd({ nickname, written }: Filled): Change[] {
  return [{ path: ["cameras", nickname], value: compact(written) }];
}

/** What to change of a camera: key by key where it has keys, so that comments beside them stay. */
export function planEdit(before: string, known: Known, next: Filled): Change[] {
  const { nickname, written } = next;
  if (nickname !== before) return [{ path: ["cameras", before], value: undefined }, ...planAdd(next)];
  if (typeof known.written === "string") {
    const value = compact(written);
    return value === known.written ? [] : [{ path: ["cameras", nickname], value }];
  }
  const { written: old } = known;
  return keys
    .filter((key) => !isDeepStrictEqual(old[key], written[key]))
    .map((key) => ({ path: ["cameras", nickname, key], value: written[key] }));
}

function compact(written: Written): unknown {
  return Object.keys(written).length === 1 ? written.url : written;
}
