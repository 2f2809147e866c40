// What a mounted app answers: its paths and methods, looked up without asking it.
import type { AnyElysia } from "elysia";

/** A path of an app, with the methods it is declared for. */
export interface Route {
  /** As declared, prefix included. */
  readonly path: string;
  readonly methods: ReadonlySet<string>;
  /** Of these, what viewers may send although it is neither GET nor HEAD. */
  readonly viewers: ReadonlySet<string>;
  /** Undefined for a path without parameters. */
  readonly pattern?: RegExp;
}

/** All routes of an app, in the order in which they were declared. */
export function routesOf(app: AnyElysia): Route[] {
  const byPath = new Map<string, { readonly methods: Set<string>; readonly viewers: Set<string> }>();
  for (const { method, path, hooks } of app.routes) {
    const key = trimmed(path === "" ? "/" : path);
    const known = byPath.get(key) ?? { methods: new Set<string>(), viewers: new Set<string>() };
    byPath.set(key, known);
    known.methods.add(method);
    if (isForViewers(hooks)) known.viewers.add(method);
  }
  return Array.from(byPath, ([path, known]) =>
    /[:*]/.test(path) ? { path, ...known, pattern: patternOf(path) } : { path, ...known },
  );
}

/** True for a route whose description names the viewer as who may use it. */
function isForViewers(hooks: unknown): boolean {
  const { detail } = (hooks ?? {}) as { readonly detail?: { readonly security?: unknown } };
  const security = detail?.security;
  return Array.isArray(security) && security.some((each: object) => Object.hasOwn(each, "viewer"));
}

/** Without the slash at its end, which Elysia does not distinguish either. */
export function trimmed(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** A path with its parameters' names taken out: two routes of one shape answer the same requests. */
export function shapeOf(path: string): string {
  return path.replace(/:[^/]+?(?=\??(?:\/|$))/g, ":");
}

/** `:name` is the rest of its segment, `:name?` may be missing with its slash, `*` at the end is everything. */
function patternOf(path: string): RegExp {
  const source = path
    .split(/(\/:[^/]+\?(?=\/|$)|:[^/]+|\*$)/)
    .map((part) => {
      if (part === "*") return ".*";
      if (/^\/:.*\?$/.test(part)) return "(?:/[^/]+)?";
      if (part.startsWith(":")) return "[^/]+";
      return encodeURI(part).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("");
  return new RegExp(`^${source}/?$`);
}

/** True when a route answers a method. A GET answers HEAD as well. */
export function answers({ methods }: Route, method: string): boolean {
  return methods.has(method) || methods.has("ALL") || (method === "HEAD" && methods.has("GET"));
}

/** The `Allow` header of a route. */
export function allowOf({ methods }: Route): string {
  const names = new Set(methods);
  if (names.has("GET")) names.add("HEAD");
  return [...names].sort().join(", ");
}
