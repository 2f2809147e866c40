// Who guesses passwords has to wait, ever longer; who guesses right from elsewhere does not.
import { isIPv6 } from "node:net";
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import type { Clock } from "../plugin.ts";

export interface Attempts {
  /** @throws HeadendError `access.limited` while a client has to wait */
  expect(client: string): void;
  failed(client: string): void;
  succeeded(client: string): void;
}

/** Wrong guesses that a client has, and what it has when very many come from everywhere. */
const free = 10;
const freeInAttack = 3;
/** Wrong guesses of all clients within `memory` that are an attack. */
const attack = 200;
const shortest = 10_000;
const longest = 15 * 60_000;
/** Milliseconds after its last wrong guess for which a client is remembered. */
const memory = 60 * 60_000;
/** Clients that are remembered; then the one that has been quiet for longest is forgotten. */
const mostClients = 10_000;

export function createAttempts(clock: Clock): Attempts {
  // In the order of their last failures.
  const clients = new Map<string, { failures: number; last: number; until: number }>();
  let all = { since: Number.NEGATIVE_INFINITY, failures: 0 };

  return {
    expect(client) {
      const known = clients.get(networkOf(client));
      const left = (known?.until ?? 0) - clock.monotonic();
      if (known && left > 0) {
        const seconds = Math.ceil(left / 1000);
        throw new HeadendError("access.limited", { limit: formatDuration(seconds * 1000), seconds });
      }
    },
    failed(client) {
      const now = clock.monotonic();
      if (now - all.since > memory) all = { since: now, failures: 0 };
      all.failures++;
      const key = networkOf(client);
      const known = clients.get(key);
      clients.delete(key);
      const failures = known && now - known.last < memory ? known.failures + 1 : 1;
      const over = failures - (all.failures > attack ? freeInAttack : free);
      const wait = over < 0 ? 0 : Math.min(longest, shortest * 2 ** Math.min(over, 20));
      clients.set(key, { failures, last: now, until: now + wait });
      const [oldest] = clients.size > mostClients ? clients.keys() : [];
      if (oldest !== undefined) clients.delete(oldest);
    },
    succeeded: (client) => void clients.delete(networkOf(client)),
  };
}

/** An IPv6 client has a whole network of addresses to guess from (RFC 6177). */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  return [...front, ...(tail === undefined ? [] : zeros), ...back]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
