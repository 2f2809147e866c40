// Sends each request to the one app that declares its path: a plugin's hooks, errors and slow start reach no other.
import { type AnyElysia, Elysia } from "elysia";
import { WebStandardAdapter } from "elysia/adapter/web-standard";
import { HeadendError } from "../errors.ts";
import type { Logger } from "../plugin.ts";
import { errorOf, replyError } from "./failure.ts";
import { pathOf } from "./origin.ts";
import { allowOf, answers, type Route, routesOf, shapeOf, trimmed } from "./routes.ts";

/** Which app answers what. */
export interface Router {
  /** An app whose paths start with `prefix` (`/` for none), to give routes to and then mount. */
  createApp(prefix: string): Elysia;
  /**
   * Mounts an instance's app, in place of the one it had. Later routes added to the app are not seen.
   * @throws Error when another instance has a path of its; nothing is changed then
   */
  mount(name: string, prefix: string, app: AnyElysia): void;
  unmount(name: string): void;
  /** Answers for an instance that cannot: what it would have answered gets this error. */
  refuse(name: string, prefix: string, error: HeadendError): void;
  /** Every app that answers, in the order they were mounted. */
  apps(): AnyElysia[];
  /** True when a method changes nothing that only an admin may: the route's `detail` says `security: [{ viewer: [] }]`. */
  isForViewers(method: string, path: string): boolean;
  /** `path` is the request's, without query. @throws HeadendError for what no app answers */
  handle(request: Request, path: string): Response | Promise<Response>;
}

interface Mount {
  readonly name: string;
  /** First segment of every path, or undefined at the root. */
  readonly segment: string | undefined;
  readonly app?: AnyElysia;
  readonly routes: readonly Route[];
  readonly error?: HeadendError;
}

interface Claim {
  readonly mount: Mount;
  readonly route: Route;
}

/** Makes a router with nothing mounted. `derive` makes a request that stands for another, with its memory. */
export function createRouter(o: {
  log: Logger;
  derive(request: Request, init: RequestInit): Request;
  /** After every change of who answers what. */
  arranged?(): void;
}): Router {
  const mounts = new Map<string, Mount>();
  let exact = new Map<string, Claim>();
  // Patterns of the instances by first segment, and of those at the root by "".
  let patterns = new Map<string, Claim[]>();

  /** Tables for a set of mounts. @throws when two claim one path */
  function arrange(wanted: Iterable<Mount>): void {
    const claims = new Map<string, Claim>();
    const exactly = new Map<string, Claim>();
    const bySegment = new Map<string, Claim[]>();
    for (const mount of wanted) {
      for (const route of mount.routes) {
        const claim = { mount, route };
        const shape = shapeOf(route.path);
        const other = claims.get(shape);
        if (other) throw new Error(`${mount.name} and ${other.mount.name} both claim ${route.path}`);
        claims.set(shape, claim);
        if (route.pattern) {
          const key = mount.segment ?? "";
          bySegment.set(key, [...(bySegment.get(key) ?? []), claim]);
        } else {
          exactly.set(route.path, claim);
          exactly.set(encodeURI(route.path), claim);
        }
      }
    }
    // What says more of a path goes first: `/:instance/playlist.m3u` before `/:channel/:spec`.
    for (const [key, found] of bySegment)
      bySegment.set(
        key,
        found.toSorted((a, b) => literalsOf(b.route.path) - literalsOf(a.route.path)),
      );
    exact = exactly;
    patterns = bySegment;
    o.arranged?.();
  }

  /** All who declare a path, best first: the very path, then the instance it begins with, then the root. */
  function* claimsOf(path: string): Iterable<Claim> {
    const found = exact.get(trimmed(path));
    if (found) yield found;
    for (const claim of patterns.get(segmentOf(path) ?? "") ?? []) if (claim.route.pattern?.test(path)) yield claim;
    for (const claim of patterns.get("") ?? []) if (claim.route.pattern?.test(path)) yield claim;
  }

  /** The error of an instance of which nothing but the name is known. */
  function refusalOf(path: string): HeadendError | undefined {
    const segment = segmentOf(path);
    let atRoot: HeadendError | undefined;
    for (const mount of mounts.values()) {
      if (!mount.error) continue;
      if (mount.segment !== undefined && mount.segment === segment) return mount.error;
      if (mount.segment === undefined && mount.routes.length === 0) atRoot ??= mount.error;
    }
    return atRoot;
  }

  function put(mount: Mount): void {
    arrange(new Map([...mounts, [mount.name, mount]]).values());
    mounts.set(mount.name, mount);
  }

  return {
    createApp: (prefix) => createApp(prefix, o.log),
    mount: (name, prefix, app) => put({ name, segment: segmentOf(prefix), app, routes: routesOf(app) }),
    unmount(name) {
      if (mounts.delete(name)) arrange(mounts.values());
    },
    refuse: (name, prefix, error) =>
      put({ name, segment: segmentOf(prefix), routes: mounts.get(name)?.routes ?? [], error }),
    apps: () => Array.from(mounts.values()).flatMap((mount) => mount.app ?? []),
    isForViewers(method, path) {
      for (const { route } of claimsOf(path))
        if (answers(route, method)) return route.viewers.has(method) || route.viewers.has("ALL");
      return false;
    },
    handle(request, path) {
      const found = exact.get(path);
      if (found?.mount.app && request.method === "GET" && found.route.methods.has("GET"))
        return found.mount.app.fetch(request);
      let known: Route | undefined;
      for (const { mount, route } of claimsOf(path)) {
        if (answers(route, request.method)) {
          if (!mount.app) throw mount.error ?? new HeadendError("not.found");
          if (request.method !== "HEAD") return mount.app.fetch(request);
          const asks = route.methods.has("HEAD") ? request : o.derive(request, { method: "GET" });
          return headersOf(mount.app, asks);
        }
        known ??= route;
      }
      if (!known) throw refusalOf(path) ?? new HeadendError("not.found");
      const allow = allowOf(known);
      return replyError(request.headers, new HeadendError("not.allowed", { methods: allow }), { allow });
    },
  };
}

function segmentOf(path: string): string | undefined {
  return /^\/([^/]+)/.exec(path)?.[1];
}

/** The headers of an answer. Its body is given up at once: on Deno, Elysia would read an endless one to count it. */
async function headersOf(app: AnyElysia, request: Request): Promise<Response> {
  const response = await app.fetch(request);
  response.body?.cancel().catch(() => {});
  const { status, headers } = response;
  const counted = headers.has("content-length") || status === 204 || status === 304;
  return new Response(counted ? null : uncounted(), { status, headers });
}

/** A body that no HEAD answer sends; without one, both runtimes would say that the length is 0. */
function uncounted(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
}

function createApp(prefix: string, log: Logger): Elysia {
  return new Elysia({
    // The prefix is not known to the types: a plugin writes its paths without.
    prefix: (prefix === "/" ? "" : prefix) as "",
    // Otherwise hosts of fewer than four letters, `http://tv/`, are not found.
    handler: { standardHostname: false },
    // Otherwise a HEAD of a path with parameters runs its GET, even where HEAD is declared, and reads all of the body.
    adapter: { ...WebStandardAdapter, isWebStandard: false },
  }).onError(({ error, code, request }) => {
    if (typeof code === "number") return undefined;
    if (code === "NOT_FOUND") return replyError(request.headers, new HeadendError("not.found"));
    if (code === "PARSE") return refuseInput(request, "the body cannot be read");
    if (code === "VALIDATION") return refuseInput(request, validationReason(error));
    return replyError(request.headers, errorOf(error, `${request.method} ${pathOf(request.url)}`, log));
  }) as unknown as Elysia;
}

function refuseInput(request: Request, reason: string): Response {
  return replyError(request.headers, new HeadendError("request.invalid", { reason }));
}

/** What is wrong, without the value: that may be a secret, and may be long. */
function validationReason(error: unknown): string {
  const all: unknown = error instanceof Error && "all" in error ? error.all : undefined;
  if (!Array.isArray(all)) return "the request is not as it should be";
  return all
    .map((issue: { path?: unknown; message?: unknown; summary?: unknown }) => {
      const path = Array.isArray(issue.path) ? issue.path.join(".") : String(issue.path ?? "").replace(/^\//, "");
      return `${path}: ${String(issue.message ?? issue.summary ?? "not as expected")}`;
    })
    .join("; ");
}

/** How many segments of a declared path stand for themselves. */
function literalsOf(path: string): number {
  return path.split("/").filter((segment) => segment !== "" && !/[:*]/.test(segment)).length;
}
