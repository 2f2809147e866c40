// Who may come in: users with a password, and path tokens for players that can do neither header nor cookie.
import { Buffer } from "node:buffer";
import { HeadendError } from "../errors.ts";
import type { Clock, Logger } from "../plugin.ts";
import type { Peer } from "../runtime/serve.ts";
import { createSecrets, credentialsOf } from "./secrets.ts";

/** The `access` part of the config. */
export interface AccessConfig {
  readonly users: Readonly<Record<string, { readonly password: string }>>;
  /** By a name that only people read. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** The gate. With no users and no tokens it lets everybody in. */
export interface Access {
  /** True when everybody may come in. */
  readonly open: boolean;
  /**
   * The token by which the path comes in, or undefined when it may come in without.
   * @throws HeadendError `access.required`, `access.token`
   */
  admit(path: string, request: Request, peer: Peer): string | undefined;
}

/** What `/t/<token>` leaves of a path: the token, and the path as if it were not there. */
export function splitToken(path: string): { token: string; rest: string } | undefined {
  const match = /^\/t\/([^/]+)(\/.*)?$/.exec(path);
  return match?.[1] === undefined ? undefined : { token: match[1], rest: match[2] ?? "/" };
}

/** Makes the gate. */
export function createAccess(config: AccessConfig, log: Logger, clock: Clock): Access {
  const users = createSecrets(credentialsOfAll(config));
  const tokens = createSecrets(Object.values(config.tokens));
  const refuse = createComplaint(log, clock);
  if (users.empty && tokens.empty) {
    const configured = Object.keys(config.users).length + Object.keys(config.tokens).length > 0;
    // Secrets that are all empty must not open the door.
    if (!configured) return { open: true, admit: () => undefined };
  }
  return {
    open: false,
    admit(path, request, peer) {
      if (path === "/healthz") return undefined;
      const split = splitToken(path);
      if (split) {
        if (tokens.has(decoded(split.token))) return split.token;
        refuse("an unknown access token", peer);
        throw new HeadendError("access.token");
      }
      const credentials = credentialsOf(request.headers.get("authorization"));
      if (credentials && users.has(credentials)) return undefined;
      // A client that sends nothing is only being asked: browsers do so first, every time.
      if (credentials) refuse("a wrong user or password", peer);
      throw new HeadendError("access.required");
    },
  };
}

/** Every user as `name:password`, in both encodings that clients send (RFC 7617 §2.1 leaves it open). */
function* credentialsOfAll(config: AccessConfig): Iterable<Uint8Array> {
  for (const [name, { password }] of Object.entries(config.users)) {
    if (password === "") continue;
    const text = `${name}:${password}`;
    yield Buffer.from(text, "utf8");
    if (/[\x80-\xff]/.test(text) && !/[^\0-\xff]/.test(text)) yield Buffer.from(text, "latin1");
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const complaintEvery = 60_000;

/** Logs refusals: the first at once, then at most one line a minute that says how many there were. */
function createComplaint(log: Logger, clock: Clock): (what: string, peer: Peer) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (what, peer) => {
    if (clock.monotonic() < quietUntil) {
      unsaid++;
      return;
    }
    log.warn(`${peer.address || "somebody"} came with ${what}`, unsaid > 0 ? { refusedBefore: unsaid } : undefined);
    quietUntil = clock.monotonic() + complaintEvery;
    unsaid = 0;
  };
}
