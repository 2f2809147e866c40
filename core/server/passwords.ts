// Passwords as scrypt hashes (RFC 7914) in the PHC string format: made, read, and held against what somebody says.
import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { HeadendError } from "../errors.ts";

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/** What `$scrypt$ln=15,r=8,p=1$<salt>$<hash>` says. */
export interface PasswordHash {
  /** Base-2 logarithm of the work. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and some 80 ms for one password. */
const cost = { ln: 15, r: 8, p: 1 } as const;
const mostMemory = 256 * 2 ** 20;

/** True for what is meant to be a hash, right or not. */
export function isHashLike(password: string): boolean {
  return password.startsWith("$scrypt$");
}

/** Undefined for what is no such hash, is too weak to be one, or takes more memory than a login may. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(
    text,
  );
  if (!match) return undefined;
  const [ln = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  if (ln < 10 || r < 1 || p < 1 || p > 16 || 128 * 2 ** ln * r > mostMemory) return undefined;
  return { ln, r, p, salt: Buffer.from(match[4] ?? "", "base64"), hash: Buffer.from(match[5] ?? "", "base64") };
}

export function formatPasswordHash({ ln, r, p, salt, hash }: PasswordHash): string {
  const base64 = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/** Hashes a password with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return formatPasswordHash({ ...cost, salt, hash: await digestOf(password, { ...cost, salt }, 32) });
}

/** Whether this is the password; off the event loop. */
export async function matchesHash(known: PasswordHash, password: string): Promise<boolean> {
  return timingSafeEqual(await digestOf(password, known, known.hash.length), known.hash);
}

function digestOf(password: string, { ln, r, p, salt }: Omit<PasswordHash, "hash">, length: number): Promise<Buffer> {
  const memory = 128 * 2 ** ln * r;
  // The same letter can be typed in two ways; both are one password.
  return derive(password.normalize("NFC"), salt, length, { N: 2 ** ln, r, p, maxmem: memory + 2 ** 20 * (1 + p) });
}

/** Work that is dear, one at a time, and not too much of it for one client or in all. */
export interface DearWork {
  /** @throws HeadendError `access.busy` */
  run<Result>(client: string, work: () => Promise<Result>): Promise<Result>;
}

export function createDearWork(most: { readonly client: number; readonly all: number }): DearWork {
  const pending = new Map<string, number>();
  let all = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    async run(client, work) {
      const own = pending.get(client) ?? 0;
      if (own >= most.client || all >= most.all) throw new HeadendError("access.busy");
      pending.set(client, own + 1);
      all++;
      const turn = last.then(work);
      last = turn.catch(() => {});
      try {
        return await turn;
      } finally {
        all--;
        const left = (pending.get(client) ?? 1) - 1;
        if (left > 0) pending.set(client, left);
        else pending.delete(client);
      }
    },
  };
}
