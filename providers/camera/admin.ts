// The admin API of a camera instance: lists its cameras, adds, edits, tests, deletes and imports them.
import { createHash } from "node:crypto";
import type { AnyElysia } from "elysia";
import { z } from "zod";
import { HeadendError, type LineupChannel, type MediaWish, type StreamHub } from "../../core/plugin.ts";
import { readBody } from "./admin-body.ts";
import {
  type Change,
  type Faults,
  type Known,
  keys,
  keysOf,
  planAdd,
  planEdit,
  readForm,
  type Written,
} from "./admin-form.ts";
import { type ImportLine, readLines } from "./admin-import.ts";
import { showLink } from "./admin-link.ts";
import { describeCamera } from "./admin-list.ts";
import type { Looks } from "./admin-looks.ts";
import type { Tester } from "./admin-test.ts";
import type { Camera } from "./camera.ts";
import { camera } from "./config.ts";

export interface AdminOptions {
  /** By nickname, in order, as they are now. */
  cameras(): ReadonlyMap<string, Camera>;
  /** A camera's address as it is in force, as the config has it. */
  address(nickname: string): string;
  /** A camera's channel in the lineup. */
  channel(nickname: string): LineupChannel | undefined;
  /** What a camera that is not saved would be dialled as. */
  dialled(nickname: string, keys: z.output<typeof camera>): { readonly url: string; readonly media: MediaWish };
  readonly hub: StreamHub;
  readonly looks: Looks;
  readonly tester: Tester;
  readonly file: {
    read(): Promise<unknown>;
    change(changes: readonly Change[]): Promise<void>;
  };
  isAdmin(request: Request): boolean;
  baseUrl(request: Request): string;
}

const most = { camera: 16 * 1024, lines: 512 * 1024 } as const;
const importSchema = z.strictObject({ text: z.string(), write: z.enum(["none", "all", "good"]).default("none") });

export function addAdmin(app: AnyElysia, o: AdminOptions): AnyElysia {
  const expectAdmin = (request: Request) => {
    if (!o.isAdmin(request)) throw new HeadendError("access.admin");
  };

  /** As written, by nickname. @throws HeadendError `config.*` */
  async function readWritten(): Promise<Written> {
    return keysOf(keysOf((await o.file.read()) ?? {}).cameras);
  }

  /** An instance that runs by itself is not in the file: with its first camera it is. @throws HeadendError `config.*` */
  async function change(changes: readonly Change[]): Promise<void> {
    const kept = (await o.file.read()) !== undefined;
    await o.file.change(kept ? changes : [{ path: ["use"], value: "camera" }, ...changes]);
  }

  /** What stands in the file, or why nothing can be changed there. */
  async function readEditable(): Promise<{ readonly written?: Written; readonly uneditable?: string }> {
    try {
      return { written: await readWritten() };
    } catch (thrown) {
      if (thrown instanceof HeadendError) return { uneditable: thrown.message };
      throw thrown;
    }
  }

  /** The camera that a form is about. @throws HeadendError `not.found` */
  async function known(nickname: string): Promise<Known> {
    const camera = o.cameras().get(nickname);
    const written = (await readWritten())[nickname];
    if (!camera || written === undefined || written === null) throw new HeadendError("not.found");
    return { written: typeof written === "string" ? written : keysOf(written), url: o.address(nickname) };
  }

  async function list(request: Request): Promise<Response> {
    const admin = o.isAdmin(request);
    const { written, uneditable } = admin ? await readEditable() : {};
    const base = o.baseUrl(request);
    const own = base + new URL(request.url).pathname.replace(/\/cameras\/?$/, "");
    const streams = new Map(o.hub.streams().flatMap((each) => (each.at === undefined ? [[each.channel, each]] : [])));
    const cameras = Array.from(o.cameras().values(), (camera) => {
      const channel = o.channel(camera.nickname);
      const stream = channel && streams.get(channel.id);
      const text = written?.[camera.nickname];
      return describeCamera({ camera, channel, stream, looks: o.looks, base, own, ...(text ? { written: text } : {}) });
    });
    const body = JSON.stringify({ admin, editable: written !== undefined, uneditable, cameras });
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    const headers = { etag, "cache-control": "private, no-cache", vary: "Cookie, Authorization" };
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
    return new Response(body, { headers: { ...headers, "content-type": "application/json" } });
  }

  async function add(request: Request): Promise<Response> {
    expectAdmin(request);
    const read = readForm(await readBody(request, most.camera), undefined);
    if ("faults" in read) return refuse(read.faults);
    const { nickname } = read.value;
    if (await isTaken(nickname)) return refuse({ nickname: taken(nickname) });
    await change(planAdd(read.value));
    return json({ nickname }, 201);
  }

  async function edit(request: Request, before: string): Promise<Response> {
    expectAdmin(request);
    const now = await known(before);
    const form = await readBody(request, most.camera);
    const read = readForm({ nickname: before, ...keysOf(form) }, now);
    if ("faults" in read) return refuse(read.faults);
    const { nickname } = read.value;
    if (nickname !== before && (await isTaken(nickname))) return refuse({ nickname: taken(nickname) });
    const changes = planEdit(before, now, read.value);
    if (changes.length > 0) await change(changes);
    return json({ nickname, changed: changes.length > 0 });
  }

  async function remove(request: Request, nickname: string): Promise<Response> {
    expectAdmin(request);
    await known(nickname);
    await change([{ path: ["cameras", nickname], value: undefined }]);
    return new Response(null, { status: 204 });
  }

  /** `edits` names the camera whose passwords `***` stands for. */
  async function test(request: Request): Promise<Response> {
    expectAdmin(request);
    const { edits, ...form } = keysOf(await readBody(request, most.camera));
    const now = typeof edits === "string" ? await known(edits) : undefined;
    const read = readForm({ nickname: "test", ...form }, now);
    if ("faults" in read) return refuse(read.faults);
    const { url, media } = o.dialled(read.value.nickname, read.value.filled);
    return json(await o.tester.test(url, media, request.signal));
  }

  async function importAll(request: Request): Promise<Response> {
    expectAdmin(request);
    const { data, error } = importSchema.safeParse(await readBody(request, most.lines));
    if (!data) throw new HeadendError("request.invalid", { reason: error.issues[0]?.message ?? "not as expected" });
    const lines = readLines(data.text);
    const seen = new Set(Object.keys(await readWritten()));
    const changes: Change[] = [];
    const report = lines.map((line) => {
      const fault = line.fault ?? judge(line, seen, changes);
      const { nickname, url } = line;
      return { line: line.line, nickname, url: showLink(url), ok: fault === undefined, ...(fault ? { fault } : {}) };
    });
    const bad = report.filter(({ ok }) => !ok).length;
    const write = changes.length > 0 && (data.write === "good" || (data.write === "all" && bad === 0));
    if (write) await change(changes);
    return json({ lines: report, good: changes.length, bad, added: write ? changes.length : 0 });
  }

  function judge(line: ImportLine, seen: Set<string>, changes: Change[]): string | undefined {
    const read = readForm({ nickname: line.nickname, url: line.url }, undefined);
    if ("faults" in read) return Object.values(read.faults).join("; ");
    const { nickname } = read.value;
    if (seen.has(nickname)) return taken(nickname);
    seen.add(nickname);
    changes.push(...planAdd(read.value));
    return undefined;
  }

  async function isTaken(nickname: string): Promise<boolean> {
    return o.cameras().has(nickname) || Object.hasOwn(await readWritten(), nickname);
  }

  const plain = { parse: "none" as const };
  return app
    .get("/cameras", ({ request }) => list(request), {
      detail: { summary: "The cameras: state, viewers, what they send, last error, addresses" },
    })
    .post("/cameras", ({ request }) => add(request), {
      ...plain,
      detail: {
        summary: "Adds a camera to the config file: nickname, url, and any of its keys",
        requestBody: bodyOf({ nickname: text, ...cameraKeys }, ["nickname", "url"]),
      },
    })
    .put("/cameras/:nickname", ({ request, params }) => edit(request, params.nickname), {
      ...plain,
      detail: {
        summary: "Changes a camera; keys left out, and *** in its link, stay as they are; null: the default",
        requestBody: bodyOf({ nickname: text, ...cameraKeys }),
      },
    })
    .delete("/cameras/:nickname", ({ request, params }) => remove(request, params.nickname), {
      detail: { summary: "Takes a camera out of the config file" },
    })
    .post("/cameras/test", ({ request }) => test(request), {
      ...plain,
      detail: {
        summary: "Opens a link without saving it: codecs and size, or why nothing comes; 15 s at most",
        requestBody: bodyOf({ edits: { ...text, description: "the camera whose *** stands in it" }, ...cameraKeys }),
      },
    })
    .post("/cameras/import", ({ request }) => importAll(request), {
      ...plain,
      detail: {
        summary: "Lines of nickname and link; write: none (a look), all (if all are good), good",
        requestBody: bodyOf({ text, write: { ...text, enum: ["none", "all", "good"] } }, ["text"]),
      },
    });
}

const text = { type: "string" as const };
const cameraKeys = Object.fromEntries(
  keys.map((key) => {
    const { $schema: _, ...schema } = z.toJSONSchema(camera.shape[key], { io: "input" });
    return [key, schema];
  }),
);

/** What a body holds, for the description of the API. */
function bodyOf<Properties extends object>(properties: Properties, required: string[] = []) {
  return {
    required: true,
    content: { "application/json": { schema: { type: "object" as const, properties, required } } },
  };
}

const taken = (nickname: string) => `a camera is called ${nickname} already`;

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

/** As every error, and which field each sentence is about. */
function refuse(fields: Faults): Response {
  const sentence = Object.entries(fields)
    .map(([field, reason]) => (field === "" ? reason : `${field}: ${reason}`))
    .join("; ");
  return json({ error: { code: "request.invalid", sentence, fields } }, 400);
}
