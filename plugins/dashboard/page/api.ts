// What the page asks of the server, and the shapes of what comes back.

export interface Instance {
  readonly name: string;
  readonly use: string;
  readonly mount: string;
  readonly state: string;
  readonly sentence: string;
  readonly channels: number;
  readonly lastError?: string;
  readonly lastSuccess?: string;
  readonly nextRefresh?: string;
}

export interface Status {
  readonly version: string;
  readonly started: string;
  readonly config?: { readonly sentence: string };
  readonly instances: readonly Instance[];
  readonly guide: { readonly channels: number; readonly programmes: number; readonly lastError?: string };
}

export interface Stream {
  readonly id: string;
  readonly channel: string;
  readonly name: string;
  readonly instance: string;
  readonly state: string;
  readonly at?: string;
  readonly since: string;
  readonly how: string;
  readonly bitrate: number;
  readonly error?: string;
  readonly viewers: readonly { readonly id: string; readonly name: string; readonly since: string }[];
}

export interface Facts {
  readonly video?: { readonly codec: string; readonly width?: number; readonly height?: number; readonly fps?: number };
  readonly audio?: { readonly codec: string; readonly rate?: number; readonly channels?: number };
}

export interface Camera extends Facts {
  readonly nickname: string;
  readonly name: string;
  readonly group: string;
  readonly channel: string;
  readonly state: string;
  readonly since?: string;
  readonly viewers: readonly { readonly name: string; readonly since: string }[];
  readonly watching: number;
  readonly bitrate?: number;
  readonly how?: string;
  readonly fault?: { readonly sentence: string; readonly at: string; readonly now: boolean };
  readonly always: boolean;
  readonly playlist: string;
  readonly snapshot: string;
  readonly watch: string;
  readonly written?: Readonly<Record<string, unknown>>;
}

export interface CameraList {
  readonly admin: boolean;
  readonly editable: boolean;
  /** Why an admin cannot change them now. */
  readonly uneditable?: string;
  readonly cameras: readonly Camera[];
}

export interface Tested extends Facts {
  readonly how: string;
  readonly took: number;
}

export interface Imported {
  readonly lines: readonly {
    readonly line: number;
    readonly nickname: string;
    readonly url: string;
    readonly ok: boolean;
    readonly fault?: string;
  }[];
  readonly good: number;
  readonly bad: number;
  readonly added: number;
}

export interface Check {
  readonly name: string;
  readonly clients?: readonly string[];
  readonly ok: boolean | "note";
  readonly sentence: string;
  readonly fix?: string;
}

/** What the server refused, in its own words; `fields`: which input each sentence is about. */
export class Refusal extends Error {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;

  constructor(status: number, sentence: string, fields: Readonly<Record<string, string>> = {}) {
    super(sentence);
    this.status = status;
    this.fields = fields;
  }
}

/** Where the headend's own addresses begin, as seen from this page: it may lie behind a proxy, below a path or a token. */
export const root = new URL(document.documentElement.dataset.root ?? "../", location.href).href;

/** An address of an instance's. */
export const below = (mount: string, path: string): string => `${root}${mount.replace(/^\/+/, "")}/${path}`;

/** Answers by address, to ask whether they are still so. */
const known = new Map<string, { readonly etag: string; readonly value: unknown }>();

/** GETs JSON; the very same object while nothing has changed. @throws Refusal */
export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  const before = known.get(url);
  const response = await ask(url, {
    headers: { accept: "application/json", ...(before ? { "if-none-match": before.etag } : {}) },
    cache: "no-store",
    ...(signal ? { signal } : {}),
  });
  if (response.status === 304 && before) return before.value as T;
  const value: unknown = await readJson(response);
  const etag = response.headers.get("etag");
  if (etag) known.set(url, { etag, value });
  return value as T;
}

/** Changes something. @throws Refusal */
export async function send<T>(
  method: "POST" | "PUT" | "DELETE",
  url: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await ask(url, {
    method,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  return (await readJson(response)) as T;
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown;
    throw new Refusal(0, "The headend does not answer. Is it running, and is this device still in its network?");
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  let value: unknown;
  try {
    value = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new Refusal(response.status, `something else than the headend answered (${response.status})`);
  }
  if (response.ok) return value;
  const { error } = (value ?? {}) as { error?: { sentence?: string; fields?: Record<string, string> } };
  throw new Refusal(response.status, error?.sentence ?? `answered ${response.status}`, error?.fields);
}
