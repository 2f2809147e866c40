// The HTTP server: checks the request, lets it in or not, and hands it to the app that answers.
import { HeadendError } from "../errors.ts";
import type { Clock, Host, Listener, Logger } from "../plugin.ts";
import type { Handler, Peer } from "../runtime/serve.ts";
import { type AccessConfig, createAccess, splitToken } from "./access.ts";
import { createApi } from "./api.ts";
import { fillDoctor } from "./doctor.ts";
import { errorOf, replyError } from "./failure.ts";
import { createFreshAnswers } from "./fresh.ts";
import type { Doctor, Headend, Streams } from "./headend.ts";
import { fillLive } from "./live.ts";
import { createNetworks, directBase, forwardedBase, hostOf, isHost, pathOf } from "./origin.ts";
import { createRouter, type Router } from "./router.ts";
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

/** What is known of a request beyond itself. */
interface Arrival {
  readonly peer: Peer;
  readonly token: string | undefined;
  /** It came in at a port of an instance's own, of which `publicUrl` says nothing. */
  readonly apart?: true;
}

export function createServer(o: ServerOptions): Server {
  let access = createAccess(o.access, o.log, o.clock);
  let proxies = createNetworks(o.trustedProxies);
  let publicBase = o.publicUrl?.replace(/\/+$/, "");
  let remembers = o.trustedProxies.length > 0;
  const isSound = createHostCheck();
  const arrivals = new WeakMap<Request, Arrival>();
  const fresh = createFreshAnswers();

  /** A request in place of another: same headers, body and signal, and what is known of it. */
  function derive(request: Request, init: RequestInit, url?: string): Request {
    const derived = new Request(url ?? request, url === undefined ? init : request);
    const arrival = arrivals.get(request);
    if (arrival) arrivals.set(derived, arrival);
    return derived;
  }

  function baseUrl(request: Request): string {
    const arrival = arrivals.get(request);
    const token = arrival?.token === undefined ? "" : `/t/${arrival.token}`;
    if (publicBase !== undefined && !arrival?.apart) return publicBase + token;
    const believed = arrival !== undefined && proxies.has(arrival.peer);
    return (believed ? forwardedBase(request) : directBase(request)) + token;
  }

  /** Who watches: the address, and what the player calls itself. */
  function viewer(request: Request): ReturnType<Host["viewer"]> {
    const address = arrivals.get(request)?.peer.address ?? "";
    const player = request.headers
      .get("user-agent")
      ?.replace(/\p{Cc}/gu, "")
      .slice(0, 80);
    const name = player ? `${address} ${player}` : address;
    return o.doctor?.marks(request) ? { name, address, priority: "probe" } : { name, address };
  }

  const router = createRouter({ log: o.log, derive, arranged: fresh.clear });
  router.mount("core", "/", createApi(router, o.headend, baseUrl, o.doctor));
  if (o.doctor) router.mount("core doctor", "/", fillDoctor(router.createApp("/"), o.doctor, baseUrl));
  router.mount("core streams", "/", fillStreams(router.createApp("/"), o.streams, baseUrl));
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
    const { url } = request;
    const path = pathOf(url);
    const token = access.admit(path, request, peer);
    arrivals.set(request, { peer, token });
    if (token === undefined) return remembers ? router.handle(request, path) : again(request, url, path);
    const rest = splitToken(path)?.rest ?? path;
    const start = url.indexOf(path, url.indexOf("://") + 3);
    return router.handle(derive(request, {}, url.slice(0, start) + rest + url.slice(start + path.length)), rest);
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

  const fail = (request: Request, thrown: unknown) =>
    replyError(request.headers, errorOf(thrown, `answering ${request.method}`, o.log));

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
      const own = createRouter({ log: o.log, derive });
      own.mount(instance, "/", listener.routes(own.createApp("/")));
      return (request, peer) =>
        guarded(request, () => {
          expectHost(request);
          arrivals.set(request, { peer, token: undefined, apart: true });
          return own.handle(request, pathOf(request.url));
        });
    },
    configure(next) {
      fresh.clear();
      access = createAccess(next.access, o.log, o.clock);
      proxies = createNetworks(next.trustedProxies);
      publicBase = next.publicUrl?.replace(/\/+$/, "");
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
