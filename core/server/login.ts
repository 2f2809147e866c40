// Logging in and out by a form: what a person's browser meets where a player sends a password.
import { Buffer } from "node:buffer";
import type { AnyElysia, Elysia } from "elysia";
import { HeadendError } from "../errors.ts";
import type { Logger } from "../plugin.ts";
import type { Access } from "./access.ts";
import { errorOf } from "./failure.ts";
import { formatLoginPage, type LoginPage, loginPolicy } from "./login-page.ts";
import { formatSetCookie } from "./sessions.ts";

export interface LoginOptions {
  /** As it is now. */
  access(): Access;
  /** Whom to blame for a wrong password. */
  guesser(request: Request): string;
  /** True when the browser's own connection is encrypted. */
  isSecure(request: Request): boolean;
  readonly log: Logger;
}

const longestBody = 8192;
const longestPath = 2048;

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": loginPolicy,
  "x-content-type-options": "nosniff",
  // Without the page's own address browsers send forms with `Origin: null`, which is another site's.
  "referrer-policy": "same-origin",
} as const;

/** Fills an app that stands at the root. */
export function fillLogin(app: Elysia, o: LoginOptions): AnyElysia {
  const page = (
    request: Request,
    content: Omit<LoginPage, "user">,
    status = 200,
    more: Record<string, string> = {},
  ) => {
    const user = o.access().sessions.read(request.headers.get("cookie"))?.user;
    const body = formatLoginPage({ ...content, ...(user === undefined ? {} : { user }) });
    return new Response(body, { status, headers: { ...pageHeaders, ...more } });
  };

  const leave = (next: string, more: Record<string, string> = {}) =>
    new Response(null, { status: 303, headers: { location: relativeTo(next), "cache-control": "no-store", ...more } });

  function show(request: Request): Response {
    const next = pathFor(new URL(request.url).searchParams.get("next"));
    // Where everybody may come in, no user and password go together.
    return o.access().open ? leave(next) : page(request, { next });
  }

  async function login(request: Request): Promise<Response> {
    const form = await readForm(request);
    const next = pathFor(form.get("next"));
    const user = form.get("user") ?? "";
    try {
      await o.access().login(user, form.get("password") ?? "", o.guesser(request));
    } catch (thrown) {
      const error = errorOf(thrown, "a login", o.log);
      const wait = error.status === 429 ? { "retry-after": String(error.seconds ?? 1) } : {};
      return page(request, { next, fault: sentenceOf(error.message), tried: user.slice(0, 128) }, error.status, wait);
    }
    o.log.info(`${user} logged in`, { from: o.guesser(request) });
    return leave(next, { "set-cookie": formatSetCookie(o.access().sessions.issue(user), o.isSecure(request)) });
  }

  function logout(request: Request): Response {
    return leave("/login", { "set-cookie": formatSetCookie(undefined, o.isSecure(request)) });
  }

  return app
    .get("/login", ({ request }) => show(request), { detail: { summary: "The login form" } })
    .post("/login", ({ request }) => login(request), {
      parse: "none",
      detail: {
        summary: "Logs in: a form of user, password and next, the path to go to; sets the cookie of a session",
        security: [{ viewer: [] }],
      },
    })
    .post("/logout", ({ request }) => logout(request), {
      parse: "none",
      detail: { summary: "Ends the session of this browser", security: [{ viewer: [] }] },
    });
}

/** As people write it. */
function sentenceOf(message: string): string {
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}.`;
}

/** Where a person without a session is sent from a path of ours; relative, so that no proxy's prefix is lost. */
export function loginPath(path: string, url: string): string {
  const query = url.indexOf("?");
  const next = query < 0 ? path : path + url.slice(query);
  const up = "../".repeat(Math.max(0, path.split("/").length - 2)) || "./";
  return `${up}login?next=${encodeURIComponent(next.length > longestPath ? "/" : next)}`;
}

/** A path of ours, as seen from `/login`. */
function relativeTo(path: string): string {
  return `.${path}`;
}

/** A path of ours to go to, or the start: nothing that leads a browser elsewhere. */
export function pathFor(text: string | null): string {
  if (text === null || text.length > longestPath || !/^\/[^\p{Cc}\\]*$/u.test(text)) return "/";
  // Below a prefix, where two dots or two slashes could lead out of it.
  const place = URL.parse(relativeTo(text), "http://headend.invalid/prefix/login");
  const own = place?.origin === "http://headend.invalid" && place.pathname.startsWith("/prefix/");
  return own && !text.startsWith("//") ? place.pathname.slice("/prefix".length) + place.search : "/";
}

/** @throws HeadendError `request.invalid` for what no browser makes of the form */
async function readForm(request: Request): Promise<URLSearchParams> {
  const refuse = (reason: string) => new HeadendError("request.invalid", { reason });
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") throw refuse("expected the login form");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > longestBody) throw refuse("the login form is too long");
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
