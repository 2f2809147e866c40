// Who may come in: users by a session or a password, and path tokens for players that can do neither header nor cookie.
import { Buffer } from "node:buffer";
import { HeadendError } from "../errors.ts";
import type { Clock, Logger } from "../plugin.ts";
import { type Attempts, networkOf } from "./attempts.ts";
import { createDearWork, isHashLike, matchesHash, type PasswordHash, parsePasswordHash } from "./passwords.ts";
import { createRecollection, createSecrets, credentialsOf } from "./secrets.ts";
import { createSessions, type Sessions } from "./sessions.ts";

/** The `access` part of the config. */
export interface AccessConfig {
  /** A password is plain, or a scrypt hash in PHC form. */
  readonly users: Readonly<Record<string, { readonly password: string; readonly role?: Role | undefined }>>;
  /** By a name that only people read. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** Viewers may watch and read; admins may change things, too. */
export type Role = "viewer" | "admin";

/** How somebody came in. */
export interface Admission {
  /** The token in the path, for players that know no password; whoever has it is a viewer. */
  readonly token?: string;
  readonly user?: string;
  /** Undefined when everybody may come in: it depends on from where they come. */
  readonly role?: Role;
  /** It was by a path at which nobody is asked. */
  readonly stranger?: true;
  /** Present when it was by a session; true when that wants renewing. */
  readonly renew?: boolean;
}

/** The gate. With no users and no tokens it lets everybody in. */
export interface Access {
  /** True when everybody may come in. */
  readonly open: boolean;
  readonly sessions: Sessions;
  /**
   * `client` is the address that sent the request.
   * @throws HeadendError `access.required`, `access.token`, `access.limited`, `access.busy`
   */
  admit(path: string, request: Request, client: string): Admission | Promise<Admission>;
  /** Whether somebody is who they say. @throws HeadendError `access.wrong`, `access.limited`, `access.busy` */
  login(user: string, password: string, client: string): Promise<void>;
}

export interface AccessOptions {
  readonly config: AccessConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly attempts: Attempts;
  /** Signs sessions. */
  readonly key: Uint8Array;
}

/** Paths that want no user. */
const forAll: ReadonlySet<string> = new Set(["/healthz", "/login", "/logout"]);

/** What `/t/<token>` leaves of a path: the token, and the path as if it were not there. */
export function splitToken(path: string): { token: string; rest: string } | undefined {
  const match = /^\/t\/([^/]+)(\/.*)?$/.exec(path);
  return match?.[1] === undefined ? undefined : { token: match[1], rest: match[2] ?? "/" };
}

/** Makes the gate. */
export function createAccess({ config, log, clock, attempts, key }: AccessOptions): Access {
  const tokens = createSecrets(Object.values(config.tokens).map((token) => [token, token] as const));
  const plain = createSecrets(credentialsOfAll(config));
  const hashes = hashesOf(config);
  const sessions = createSessions(config, key, clock);
  const seen = createRecollection<string>(mostSeen);
  /** What is being checked: players ask for many things at once. */
  const pending = createRecollection<Promise<string | undefined>>(mostSeen);
  const work = createDearWork({ client: 4, all: 64 });
  const complain = createComplaint(log, clock);

  /** Who has these credentials; undefined: nobody. Takes as long for a name that is not known. */
  async function verify(credentials: Uint8Array, client: string): Promise<string | undefined> {
    const known = plain.find(credentials);
    if (known !== undefined || hashes.size === 0) return known;
    const [user, password] = splitCredentials(credentials);
    const [any] = hashes.values();
    const hash = hashes.get(user) ?? any;
    if (!hash || Buffer.byteLength(password) > longestPassword) return undefined;
    const right = await work.run(networkOf(client), () => matchesHash(hash, password));
    return right && hashes.has(user) ? user : undefined;
  }

  /** @throws HeadendError `access.limited`, `access.busy`; undefined for wrong credentials */
  async function check(credentials: Uint8Array, client: string): Promise<string | undefined> {
    // Whoever was right here a while ago is not kept out by others' guesses, nor asks for the dear work again.
    const known = seen.find(client, credentials) ?? pending.find(client, credentials);
    if (known !== undefined) return known;
    attempts.expect(client);
    const checking = judge(credentials, client).finally(() => pending.forget(client, credentials));
    pending.keep(client, credentials, checking);
    return await checking;
  }

  async function judge(credentials: Uint8Array, client: string): Promise<string | undefined> {
    const user = await verify(credentials, client);
    if (user === undefined) {
      attempts.failed(client);
      complain("a wrong user or password", client);
    } else {
      attempts.succeeded(client);
      seen.keep(client, credentials, user);
    }
    return user;
  }

  const admission = (user: string): Admission => ({ user, role: roleOf(config, user) });

  function admit(path: string, request: Request, client: string): Admission | Promise<Admission> {
    if (forAll.has(path)) return { role: "viewer", stranger: true };
    const split = splitToken(path);
    if (split) {
      if (tokens.find(decoded(split.token)) !== undefined) return { token: split.token, role: "viewer" };
      complain("an unknown access token", client);
      throw new HeadendError("access.token");
    }
    const session = sessions.read(request.headers.get("cookie"));
    if (session) return { ...admission(session.user), renew: session.old };
    const credentials = credentialsOf(request.headers.get("authorization"));
    // A client that sends nothing is only being asked: browsers do so first, every time.
    if (!credentials) throw new HeadendError("access.required");
    const known = seen.find(client, credentials);
    if (known !== undefined) return admission(known);
    return check(credentials, client).then((user) => {
      if (user === undefined) throw new HeadendError("access.required");
      return admission(user);
    });
  }

  async function login(user: string, password: string, client: string): Promise<void> {
    const found = await check(Buffer.from(`${user}:${password}`), client);
    if (found === undefined || found !== user) throw new HeadendError("access.wrong");
  }

  // Secrets that are all empty must not open the door.
  const open = Object.keys(config.users).length + Object.keys(config.tokens).length === 0;
  return { open, sessions, admit: open ? () => ({}) : admit, login };
}

/** Credentials that are remembered as right, each with the address they came from. */
const mostSeen = 1000;
/** Bytes. */
const longestPassword = 1024;

/** Where the config says nothing of roles, all are admins; where it names one, the others are viewers. */
export function roleOf(config: AccessConfig, name: string): Role {
  const named = Object.values(config.users).some(({ role }) => role !== undefined);
  return (Object.hasOwn(config.users, name) ? config.users[name]?.role : undefined) ?? (named ? "viewer" : "admin");
}

/** Every user with a plain password as `name:password`, in both encodings that clients send (RFC 7617 §2.1 leaves it open). */
function* credentialsOfAll(config: AccessConfig): Iterable<readonly [Uint8Array, string]> {
  for (const [name, { password }] of Object.entries(config.users)) {
    if (password === "" || isHashLike(password)) continue;
    const text = `${name}:${password}`;
    yield [Buffer.from(text, "utf8"), name];
    if (/[\x80-\xff]/.test(text) && !/[^\0-\xff]/.test(text)) yield [Buffer.from(text, "latin1"), name];
  }
}

function hashesOf(config: AccessConfig): ReadonlyMap<string, PasswordHash> {
  return new Map(
    Object.entries(config.users).flatMap(([name, { password }]) => {
      const hash = parsePasswordHash(password);
      return hash ? [[name, hash] as const] : [];
    }),
  );
}

/** Name and password, whichever of the two encodings they are in. */
function splitCredentials(credentials: Uint8Array): readonly [string, string] {
  const bytes = Buffer.from(credentials);
  const utf8 = bytes.toString("utf8");
  const text = Buffer.from(utf8).equals(bytes) ? utf8 : bytes.toString("latin1");
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
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
function createComplaint(log: Logger, clock: Clock): (what: string, client: string) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (what, client) => {
    if (clock.monotonic() < quietUntil) {
      unsaid++;
      return;
    }
    log.warn(`${client || "somebody"} came with ${what}`, unsaid > 0 ? { refusedBefore: unsaid } : undefined);
    quietUntil = clock.monotonic() + complaintEvery;
    unsaid = 0;
  };
}
