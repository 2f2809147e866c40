// How a client says who it is: Basic (RFC 7617) and Digest (RFC 7616, RFC 2617) as RTSP uses them (RFC 2326 §D).
import { Buffer } from "node:buffer";

/** What a server asks for in WWW-Authenticate. Names in lower case. */
export interface Challenge {
  /** In lower case: `basic`, `digest`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The digest of a text's UTF-8 bytes, in lower-case hexadecimal. */
export type Hash = (algorithm: "md5" | "sha256", text: string) => string;

/** A request that is to be authorised. */
export interface Authorizing {
  readonly method: string;
  /** As it stands in the request's first line. */
  readonly url: string;
  /** The body, for `qop=auth-int`. */
  readonly body?: string;
  /** How often this nonce has been used, this time included. */
  readonly count: number;
  /** A text that nobody can foresee. */
  readonly cnonce: string;
}

/** Reads the challenges of one header or several; one may hold many (RFC 9110 §11.6.1). */
export function parseChallenges(values: readonly string[]): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const value of values) {
    // A token that no `=` follows begins a challenge; then come its parameters.
    const parts = value.matchAll(/([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g);
    for (const [, name = "", quoted, plain] of parts) {
      const text = quoted?.replace(/\\(.)/gs, "$1") ?? plain;
      if (text === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: Object.create(null) });
      else {
        const parameters = challenges.at(-1)?.parameters;
        if (parameters) parameters[name.toLowerCase()] ??= text;
      }
    }
  }
  return challenges;
}

/** Writes a challenge, its values quoted. */
export function formatChallenge({ scheme, parameters }: Challenge): string {
  const list = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}`);
  return [scheme.charAt(0).toUpperCase() + scheme.slice(1), list.join(", ")].filter((part) => part !== "").join(" ");
}

/** The best that can be answered: Digest with SHA-256, Digest with MD5, Basic. */
export function strongestChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const rank = (challenge: Challenge) => {
    if (challenge.scheme === "basic") return 1;
    return challenge.scheme === "digest" && challenge.parameters.nonce !== undefined && qopOf(challenge) !== "?"
      ? { md5: 2, sha256: 3, "?": 0 }[algorithmOf(challenge).name]
      : 0;
  };
  const best = [...challenges].sort((a, b) => rank(b) - rank(a))[0];
  return best && rank(best) > 0 ? best : undefined;
}

/** The value of Authorization that answers a challenge which `strongestChallenge()` gave. */
export function formatAuthorization(challenge: Challenge, who: Credentials, request: Authorizing, hash: Hash): string {
  if (challenge.scheme !== "digest") return `Basic ${Buffer.from(`${who.user}:${who.password}`).toString("base64")}`;
  const { realm = "", nonce = "", opaque, algorithm } = challenge.parameters;
  const { name, session } = algorithmOf(challenge);
  const digest = (...parts: string[]) => hash(name === "sha256" ? "sha256" : "md5", parts.join(":"));
  const qop = qopOf(challenge);
  const count = request.count.toString(16).padStart(8, "0");
  const account = digest(who.user, realm, who.password);
  const first = session ? digest(account, nonce, request.cnonce) : account;
  const second =
    qop === "auth-int"
      ? digest(request.method, request.url, digest(request.body ?? ""))
      : digest(request.method, request.url);
  const response = qop ? digest(first, nonce, count, request.cnonce, qop, second) : digest(first, nonce, second);
  const fields = [
    `username=${quote(who.user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(request.url)}`,
    `response="${response}"`,
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm.replace(/[^\w-]/g, "")}`]),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(qop ? [`qop=${qop}`, `nc=${count}`] : []),
    ...(qop || session ? [`cnonce=${quote(request.cnonce)}`] : []),
  ];
  return `Digest ${fields.join(", ")}`;
}

/** Without `algorithm` it is MD5 (RFC 7616 §3.3); `-sess` mixes the nonces into the first digest (§3.4.2). */
function algorithmOf({ parameters }: Challenge): { name: "md5" | "sha256" | "?"; session: boolean } {
  const text = (parameters.algorithm ?? "MD5").toLowerCase();
  const name = text.replace(/-sess$/, "");
  return { name: name === "md5" ? "md5" : name === "sha-256" ? "sha256" : "?", session: text.endsWith("-sess") };
}

/** What is protected (§3.4): `auth` where the server lets us choose, undefined when it names none, `?` when unknown. */
function qopOf({ parameters }: Challenge): "auth" | "auth-int" | "?" | undefined {
  const offers = parameters.qop
    ?.toLowerCase()
    .split(",")
    .map((offer) => offer.trim())
    .filter((offer) => offer !== "");
  if (!offers?.length) return undefined;
  return offers.includes("auth") ? "auth" : offers.includes("auth-int") ? "auth-int" : "?";
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
