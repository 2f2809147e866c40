// An HTTP client with a memory: follows redirects, keeps cookies, and gives secrets only to the origin they are for.
import { Buffer } from "node:buffer";
import type { CookieJar } from "tough-cookie";
import { HeadendError } from "../errors.ts";
import type { Clock, FetchOptions } from "../plugin.ts";
import { describeUrl } from "../redact.ts";
import { exchange } from "./exchange.ts";
import type { OriginLimiter } from "./origins.ts";

export interface ClientSetup {
  readonly clock: Clock;
  readonly userAgent: string;
  readonly limiter: OriginLimiter;
}

export interface Ask extends Omit<FetchOptions, "signal"> {
  readonly signal: AbortSignal;
  /** Called before each request of the chain; what it gives is called once that request's answer has ended. */
  begin?(): () => void;
  /** Further headers for one address of a chain of redirects. */
  headersFor?(url: URL): Readonly<Record<string, string>>;
}

/** @throws HeadendError `fetch.*`, or the signal's reason; an answer of any status is returned. */
export type Send = (address: string, ask: Ask) => Promise<Response>;

const maxRedirects = 10;

/** Cookies live as long as the client: sessions of an upstream are made anew after a restart. */
export function createClient({ clock, userAgent, limiter }: ClientSetup): Send {
  let jar: CookieJar | undefined;

  return async (address, ask) => {
    let url = parseAddress(address);
    // Loaded with the first request: its list of public suffixes would hold up every start.
    jar ??= new (await import("tough-cookie")).CookieJar();
    let method = (ask.method ?? "GET").toUpperCase();
    let body = ask.body;
    const own = headersFrom(ask.headers, address);
    const allowed = ask.timeout ?? 30_000;
    const started = clock.monotonic();
    let queued = 0;

    for (let redirects = 0; ; redirects++) {
      takeCredentials(url, own);
      const headers = new Headers(own);
      if (!headers.has("user-agent")) headers.set("user-agent", userAgent);
      if (!headers.has("accept")) headers.set("accept", "*/*");
      if (!headers.has("accept-encoding")) headers.set("accept-encoding", "gzip, br");
      for (const [name, value] of Object.entries(ask.headersFor?.(url) ?? {})) headers.set(name, value);
      const cookies = [own.get("cookie"), await jar.getCookieString(url.href)].filter(Boolean).join("; ");
      if (cookies) headers.set("cookie", cookies);

      const waited = clock.monotonic();
      const leave = ask.media ? () => {} : await limiter.enter(url.origin, ask.signal);
      const end = ask.begin?.();
      const onEnd = () => {
        leave();
        end?.();
      };
      queued += clock.monotonic() - waited;
      const response = await exchange({
        url,
        method,
        headers,
        // The deadline is for the whole chain; waiting for a place at the origin is not the upstream's fault.
        left: allowed - (clock.monotonic() - started - queued),
        allowed,
        idle: ask.idle ?? 30_000,
        maxBytes: ask.maxBytes ?? 2 ** 31,
        clock,
        signal: ask.signal,
        onEnd,
        ...(body === undefined ? {} : { body }),
      });
      for (const cookie of response.headers.getSetCookie())
        await jar.setCookie(cookie, url.href, { ignoreError: true });

      const location = response.headers.get("location");
      if (location === null || ![301, 302, 303, 307, 308].includes(response.status)) return response;
      await response.body?.cancel();
      if (redirects === maxRedirects)
        throw new HeadendError("fetch.redirects", { url: describeUrl(address), limit: maxRedirects });
      const next = parseAddress(location, url);
      // Whatever else was configured was meant for the first origin, and may be a key to it; who sends us tells it to all.
      if (next.origin !== url.origin) {
        for (const name of [...own.keys()])
          if (!/^(accept.*|user-agent|referer|origin|range|content-.*)$/.test(name)) own.delete(name);
      }
      // RFC 9110 §15.4: after 303, and by old custom after a POST's 301 and 302, the next request is a GET.
      if ((response.status === 303 && method !== "HEAD") || (response.status < 303 && method === "POST")) {
        method = "GET";
        body = undefined;
        for (const name of ["content-type", "content-length", "content-encoding", "content-language"]) own.delete(name);
      }
      url = next;
    }
  };
}

function parseAddress(address: string, base?: URL): URL {
  const shown = describeUrl(address);
  let url: URL;
  try {
    url = new URL(address, base);
  } catch {
    const reason = base
      ? `${describeUrl(base.href)} redirects there, but it is not an address`
      : "this is not an address";
    throw new HeadendError("fetch.refused", { url: shown, reason });
  }
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new HeadendError("fetch.scheme", { url: shown, scheme: url.protocol.slice(0, -1) });
}

function headersFrom(headers: FetchOptions["headers"], address: string): Headers {
  try {
    return new Headers(headers);
  } catch {
    // What the runtime says quotes the value, which may be a secret.
    const reason = "a header for it has a name or a value that HTTP does not allow";
    throw new HeadendError("fetch.refused", { url: describeUrl(address), reason });
  }
}

/** Moves userinfo from the address to a header, where it belongs; a header given by hand wins. */
function takeCredentials(url: URL, headers: Headers) {
  if (url.username !== "" || url.password !== "") {
    const pair = `${decoded(url.username)}:${decoded(url.password)}`;
    if (!headers.has("authorization")) headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
    url.username = "";
    url.password = "";
  }
  url.hash = "";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
