// Names of the operator's network, which only its own name server knows.
import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../core/plugin.ts";

/** An address as it can be fetched: with a number for its host, which is then told in a header. */
export interface Resolved {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type Resolve = (url: string) => Promise<Resolved>;

/** Milliseconds for which an answer is good, and for which a server that gave none is not asked again. */
const keepTime = 300_000;
const restTime = 15_000;
const answerLimit = 2000;
const tries = 2;

/** The address of a name, asked of a server or of the system. @throws when it has none */
export async function lookUp(server: string | undefined, name: string): Promise<string> {
  if (server === undefined) return (await lookup(name, 4)).address;
  const [address] = await openResolver(server).resolve4(name);
  if (address === undefined) throw new Error("it has no address");
  return address;
}

function openResolver(server: string): Resolver {
  const resolver = new Resolver({ timeout: answerLimit, tries });
  resolver.setServers([server]);
  return resolver;
}

/**
 * @param server `address[:port]` of a name server; undefined: addresses stay as they are, and the system resolves them
 */
export function createResolve(server: string | undefined, clock: Clock): Resolve {
  if (server === undefined) return async (url) => ({ url, headers: {} });
  const resolver = openResolver(server);
  const known = new Map<string, { readonly address?: string; readonly until: number }>();

  return async (url) => {
    const [, before = "", host = "", port = "", rest = ""] = /^([a-z]+:\/\/)([^/:?#@]+)(:\d+)?(.*)$/is.exec(url) ?? [];
    if (host === "" || isIP(host)) return { url, headers: {} };
    let found = known.get(host);
    if (!found || found.until < clock.monotonic()) {
      // The last answer, or the system's, is better than none.
      const [address] = await resolver.resolve4(host).catch(() => []);
      const now = clock.monotonic();
      found = address === undefined ? { ...found, until: now + restTime } : { address, until: now + keepTime };
      known.set(host, found);
    }
    // Of TLS the certificate must fit the name.
    if (found.address === undefined || /^https/i.test(before)) return { url, headers: {} };
    return { url: `${before}${found.address}${port}${rest}`, headers: { host: `${host}${port}` } };
  };
}
