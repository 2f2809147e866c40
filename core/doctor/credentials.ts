// How the self-test is let in where a user or a token is wanted.
import { Buffer } from "node:buffer";

/** How whoever asks is let in. */
export interface Credentials {
  /** What follows the host: `/t/<token>`, or nothing. */
  readonly prefix: string;
  /** For requests to the headend itself only. */
  readonly headers: Readonly<Record<string, string>>;
}

/** By the first token, as players that know no password come in; else by the first user. Empty ones open nothing. */
export function credentialsFor(access: {
  readonly users: Readonly<Record<string, { readonly password: string }>>;
  readonly tokens: Readonly<Record<string, string>>;
}): Credentials {
  const token = Object.values(access.tokens).find((each) => each !== "");
  if (token !== undefined) return { prefix: `/t/${encodeURIComponent(token)}`, headers: {} };
  const user = Object.entries(access.users).find(([, { password }]) => password !== "");
  if (!user) return { prefix: "", headers: {} };
  const pair = Buffer.from(`${user[0]}:${user[1].password}`).toString("base64");
  return { prefix: "", headers: { authorization: `Basic ${pair}` } };
}
