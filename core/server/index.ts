// The HTTP server: checks the request, lets it in or not, and hands it to the app that answers.
import { randomBytes } from "node:crypto";
import { HeadendError } from "../errors.ts";
import type { Clock, Host, Listener, Logger } from "../plugin.ts";
import type { Handler, Peer } from "../runtime/serve.ts";
import { type AccessConfig, createAccess, splitToken } from "./access.ts";
import { createApi } from "./api.ts";
import { type Arrival, createArrivals } from "./arrivals.ts";
import { createAttempts } from "./attempts.ts";
import { fillDoctor } from "./doctor.ts";
import { errorOf, replyError } from "./failure.ts";
import { createFreshAnswers } from "./fresh.ts";
import type { Doctor, Headend, Streams } from "./headend.ts";
import { fillLive } from "./live.ts";
import { fillLogin, loginPath } from "./login.ts";
import { hostOf, isCrossSite, isHost, pathOf } from "./origin.ts";
import { createRouter, type Router } from "./router.ts";
import { formatSetCookie } from "./sessions.ts";
import { fillStreams } from "./streams.ts";

export type { AccessConfig } from "./access.ts";
export type * from "./headend.ts";
export type { Router } from "./router.ts";

export interface ServerOptions {
  readonly headend: Headend;
  readonly streams: Streams;
  /** Absent: there is no self-test. */
  readonly doctor?: Doctor;
  readonly access: AccessConfig;
  /** Signs sessions; absent: they end with the process. */
  readonly sessionKey?: Uint8Array;
  /** The address by which players reach this headend; default: what each request says. */
  readonly publicUrl?: string;
  /** Networks whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
}

/** Everything between the socket and the plugins. */
export interface Server {
  readonly router: Router;
  /** Answers a request; never throws. */
  fetch(request: Request, peer: Peer): Response | Promise<Response>;
  /** The address at which the sender of this request reaches us, without a slash at its end; carries its token. */
  baseUrl(request: Request): string;
  viewer: Host["viewer"];
  /** Answers the requests of a port of an instance's own; never throws. */
  answerPort(instance: string, listener: Listener): Handler;
  /** Who may come in and what links begin with, from now on. */
  configure(next: Pick<ServerOptions, "access" | "publicUrl" | "trustedProxies">): void;
}

export function createServer(o: ServerOptions): Server {
  const attempts = createAttempts(o.clock);
  const key = o.sessionKey ?? randomBytes(32);
  const gate = (config: AccessConfig) => createAccess({ config, log: o.log, clock: o.clock, attempts, key });
  let accessConfig = o.access;
  let access = gate(o.access);
  const arrivals = createArrivals(o, (request) => o.doctor?.marks(request) ?? false);
  const { baseUrl, viewer } = arrivals;
  let remembers = o.trustedProxies.length > 0;
  const isSound = createHostCheck();
  const fresh = createFreshAnswers();

  /** @throws HeadendError `access.admin`, `access.origin` for what may not change things */
  function expectMayChange(request: Request, path: string): void {
    if (["GET", "HEAD", "OPTIONS"].includes(request.method)) return;
    if (isCrossSite(request, baseUrl(request))) throw new HeadendError("access.origin");
    if (router.isForViewers(request.method, path)) return;
    if (!arrivals.isAdmin(request)) throw new HeadendError("access.admin");
  }

  const router = createRouter({ log: o.log, derive: arrivals.derive, arranged: fresh.clear });
  router.mount("core", "/", createApi(router, o.headend, arrivals, o.doctor));
  if (o.doctor) router.mount("core doctor", "/", fillDoctor(router.createApp("/"), o.doctor, baseUrl));
  const login = { access: () => access, ...arrivals, log: o.log };
  router.mount("core login", "/", fillLogin(router.createApp("/"), login));
  router.mount("core streams", "/", fillStreams(router.createApp("/"), o.streams));
  router.mount(
    "core live",
    "/",
    fillLive(router.createApp("/"), {
      lineup: o.headend.lineup,
      streams: o.streams,
      clock: o.clock,
      baseUrl,
      viewer,
    }),
  );

  function answer(request: Request, peer: Peer): Response | Promise<Response> {
    const path = pathOf(request.url);
    arrivals.note(request, { peer });
    const admission = access.admit(path, request, access.open ? "" : arrivals.guesser(request));
    if (admission instanceof Promise)
      return admission.then((admitted) => answerAdmitted(request, path, { peer, ...admitted }));
    return answerAdmitted(request, path, { peer, ...admission });
  }

  function answerAdmitted(request: Request, path: string, arrival: Arrival): Response | Promise<Response> {
    const { url } = request;
    const { token, user, renew } = arrival;
    arrivals.note(request, arrival);
    if (token !== undefined) return answerToken(request, path);
    expectMayChange(request, path);
    if (user !== undefined && renew !== undefined) {
      const cookie = renew ? formatSetCookie(access.sessions.issue(user), arrivals.isSecure(request)) : undefined;
      return Promise.resolve(router.handle(request, path)).then((response) => owned(response, cookie));
    }
    return remembers ? router.handle(request, path) : again(request, url, path);
  }

  function answerToken(request: Request, path: string): Response | Promise<Response> {
    const { url } = request;
    const rest = splitToken(path)?.rest ?? path;
    const start = url.indexOf(path, url.indexOf("://") + 3);
    const derived = arrivals.derive(request, {}, url.slice(0, start) + rest + url.slice(start + path.length));
    // Its address is made anew, without `..`; on Deno the one before may have some.
    const own = pathOf(derived.url);
    expectMayChange(derived, own);
    return router.handle(derived, own);
  }

  /** An answer that depends on nothing but the address and, at most, what is said of encodings. */
  function again(request: Request, url: string, path: string): Response | Promise<Response> {
    const known = access.open ? undefined : fresh.find(request, url);
    if (known) return known;
    const response = router.handle(request, path);
    if (response instanceof Promise)
      response.then(
        (answer) => fresh.keep(request, url, answer),
        () => {},
      );
    return response;
  }

  function fail(request: Request, thrown: unknown): Response {
    const error = errorOf(thrown, `answering ${request.method}`, o.log);
    if (error.code !== "access.required" || !isVisit(request)) return replyError(request.headers, error);
    const location = loginPath(pathOf(request.url), request.url);
    return new Response(null, { status: 303, headers: { location, "cache-control": "no-store" } });
  }

  function expectHost(request: Request): void {
    if (!isSound(request))
      throw new HeadendError("request.invalid", { reason: "the request names no host, or one that cannot be" });
  }

  /** What is thrown becomes an answer. */
  function guarded(request: Request, work: () => Response | Promise<Response>): Response | Promise<Response> {
    try {
      const response = work();
      return response instanceof Promise ? response.catch((thrown: unknown) => fail(request, thrown)) : response;
    } catch (thrown) {
      return fail(request, thrown);
    }
  }

  return {
    router,
    baseUrl,
    viewer,
    answerPort(instance, listener) {
      // A table of its own, so that its answers to other paths and methods are a server's.
      const own = createRouter({ log: o.log, derive: arrivals.derive });
      own.mount(instance, "/", listener.routes(own.createApp("/")));
      return (request, peer) =>
        guarded(request, () => {
          expectHost(request);
          arrivals.note(request, { peer, apart: true });
          return own.handle(request, pathOf(request.url));
        });
    },
    configure(next) {
      fresh.clear();
      // Who was let in a moment ago is not asked again for another part of the config.
      if (JSON.stringify(next.access) !== JSON.stringify(accessConfig)) access = gate(next.access);
      accessConfig = next.access;
      arrivals.configure(next);
      remembers = next.trustedProxies.length > 0;
    },
    fetch: (request, peer) =>
      guarded(request, () => {
        // An address that was answered before is sound.
        const known = access.open && !remembers ? fresh.find(request, request.url) : undefined;
        if (known) return known;
        expectHost(request);
        return answer(request, peer);
      }),
  };
}

/** Makes the check of a request's host: it goes into documents. */
function createHostCheck(): (request: Request) => boolean {
  // Nearly every request names the same host as the one before.
  let sound = "http://localhost/";
  return (request) => {
    try {
      const { url } = request;
      if (url.startsWith(sound)) return true;
      const host = hostOf(url);
      if (!isHost(host)) return false;
      sound = url.slice(0, url.indexOf(host) + host.length + 1);
      return sound.endsWith("/");
    } catch {
      // Bun makes the address when it is asked for, and throws for a host that fits in none.
      return false;
    }
  };
}

/** True when a person opens an address in a browser, and has not been asked for a password by it. */
function isVisit({ method, headers }: Request): boolean {
  if (method !== "GET" || headers.has("authorization")) return false;
  const mode = headers.get("sec-fetch-mode");
  // Not said over plain HTTP. Java's clients accept text/html, too, and wait to be asked.
  return mode === null ? /\bapplication\/xhtml\+xml\b/i.test(headers.get("accept") ?? "") : mode === "navigate";
}

/** An answer to somebody's session: no cache may hand it to another. */
function owned(response: Response, cookie: string | undefined): Response {
  const mark = (headers: Headers): void => {
    const caching = headers.get("cache-control");
    if (!/\b(?:no-store|private)\b/.test(caching ?? ""))
      headers.set("cache-control", `private, ${caching ?? "no-cache"}`);
    if (cookie !== undefined) headers.append("set-cookie", cookie);
  };
  try {
    mark(response.headers);
    return response;
  } catch {
    // One that was fetched, or a redirect, cannot be changed.
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    mark(headers);
    return new Response(response.body, { status, statusText, headers });
  }
}
