// How the self-test is let in where a user or a token is wanted.
import { Buffer } from "node:buffer";
import type { Clock } from "../plugin.ts";
import type { AccessConfig } from "../server/access.ts";
import { isHashLike } from "../server/passwords.ts";
import { cookieName, createSessions } from "../server/sessions.ts";

/** How whoever asks is let in. */
export interface Credentials {
  /** What follows the host: `/t/<token>`, or nothing. */
  readonly prefix: string;
  /** For requests to the headend itself only. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * By the first token, as players that know no password come in; else by the first user, who is logged in already where
 * the password is not known. Empty ones open nothing.
 *
 * @param session the cookie of a user's session; undefined: there is nothing to sign one with
 */
export function credentialsFor(access: AccessConfig, session: ((user: string) => string) | undefined): Credentials {
  const token = Object.values(access.tokens).find((each) => each !== "");
  if (token !== undefined) return { prefix: `/t/${encodeURIComponent(token)}`, headers: {} };
  const [name, user] = Object.entries(access.users).find(([, { password }]) => password !== "") ?? [];
  if (name === undefined || !user) return { prefix: "", headers: {} };
  if (isHashLike(user.password)) return { prefix: "", headers: session ? { cookie: session(name) } : {} };
  const pair = Buffer.from(`${name}:${user.password}`).toString("base64");
  return { prefix: "", headers: { authorization: `Basic ${pair}` } };
}

/** Makes sessions with the key of the data folder. */
export function sessionsBy(key: Uint8Array | undefined, access: AccessConfig, clock: Clock) {
  return key && ((user: string) => `${cookieName}=${createSessions(access, key, clock).issue(user)}`);
}
