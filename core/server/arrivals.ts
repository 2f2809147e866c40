// What is known of a request beyond itself: from where it came, by which address it reached us, who sent it.
import type { Host } from "../plugin.ts";
import type { Peer } from "../runtime/serve.ts";
import { isNearAddress, plainAddress } from "../transport/udp/links.ts";
import type { Admission } from "./access.ts";
import { clientOf, createNetworks, directBase, forwardedBase, hostOf, isNearHost } from "./origin.ts";

export interface Arrival extends Admission {
  readonly peer: Peer;
  /** It came in at a port of an instance's own, of which `publicUrl` says nothing. */
  readonly apart?: true;
}

/** What addresses are believed. */
export interface ArrivalSettings {
  /** The address by which players reach this headend; default: what each request says. */
  readonly publicUrl?: string;
  /** Networks whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
}

export interface Arrivals {
  note(request: Request, arrival: Arrival): void;
  /** A request in place of another: same headers, body and signal, and what is known of it. */
  derive(request: Request, init: RequestInit, url?: string): Request;
  /** The address at which the sender reaches us, without a slash at its end; carries its token. */
  baseUrl(request: Request): string;
  viewer: Host["viewer"];
  /** Whether the sender may change things. */
  isAdmin(request: Request): boolean;
  /** Whether the sender was let in without being asked, where others are. */
  isStranger(request: Request): boolean;
  /** Whom to blame for a wrong password: a proxy that is not believed counts for all who come by it. */
  guesser(request: Request): string;
  /** True when the browser's own connection is encrypted, as far as can be told. */
  isSecure(request: Request): boolean;
  configure(settings: ArrivalSettings): void;
}

/** `marks`: whether a request is one of the self-test's. */
export function createArrivals(settings: ArrivalSettings, marks: (request: Request) => boolean): Arrivals {
  const known = new WeakMap<Request, Arrival>();
  let proxies = createNetworks([]);
  let publicBase: string | undefined;
  configure(settings);

  function configure({ publicUrl, trustedProxies }: ArrivalSettings): void {
    proxies = createNetworks(trustedProxies);
    publicBase = publicUrl?.replace(/\/+$/, "");
  }

  function baseUrl(request: Request): string {
    const arrival = known.get(request);
    const token = arrival?.token === undefined ? "" : `/t/${arrival.token}`;
    if (publicBase !== undefined && !arrival?.apart) return publicBase + token;
    const believed = arrival !== undefined && proxies.has(arrival.peer);
    return (believed ? forwardedBase(request) : directBase(request)) + token;
  }

  /** Where everybody may come in, an admin is who asks from this network, by a name that only this network has. */
  function isAdmin(request: Request): boolean {
    const arrival = known.get(request);
    if (!arrival || arrival.apart || arrival.role) return arrival?.role === "admin";
    const client = clientOf(request, arrival.peer, proxies);
    if (client === undefined || !isNearAddress(client)) return false;
    const host = hostOf(request.url);
    return isNearHost(host) || (publicBase !== undefined && host === URL.parse(publicBase)?.host);
  }

  return {
    configure,
    baseUrl,
    isAdmin,
    isStranger: (request) => known.get(request)?.stranger === true,
    note: (request, arrival) => void known.set(request, arrival),
    derive(request, init, url) {
      const derived = new Request(url ?? request, url === undefined ? init : request);
      const arrival = known.get(request);
      if (arrival) known.set(derived, arrival);
      return derived;
    },
    viewer(request) {
      const arrival = known.get(request);
      const address = arrival?.peer.address ?? "";
      const player = request.headers
        .get("user-agent")
        ?.replace(/\p{Cc}/gu, "")
        .slice(0, 80);
      return {
        ...{ name: player ? `${address} ${player}` : address, address, admin: isAdmin(request) },
        ...(arrival?.user === undefined ? {} : { user: arrival.user }),
        ...(marks(request) ? { priority: "probe" } : {}),
      };
    },
    guesser(request) {
      const peer = known.get(request)?.peer;
      return peer ? (clientOf(request, peer, proxies) ?? plainAddress(peer.address)) : "";
    },
    isSecure(request) {
      const origin = request.headers.get("origin");
      if (origin !== null) return origin.startsWith("https:");
      const peer = known.get(request)?.peer;
      if (peer && proxies.has(peer)) return forwardedBase(request).startsWith("https:");
      const address = publicBase === undefined ? null : URL.parse(publicBase);
      return address?.protocol === "https:" && address.host === hostOf(request.url);
    },
  };
}
