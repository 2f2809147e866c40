// Knows secrets without keeping them, and compares in a time that tells nothing.
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Secrets, and what each stands for. */
export interface Secrets<Value> {
  readonly empty: boolean;
  /** Takes as long for a miss as for any hit. */
  find(candidate: string | Uint8Array): Value | undefined;
}

/** An empty secret is never among them. */
export function createSecrets<Value>(secrets: Iterable<readonly [string | Uint8Array, Value]>): Secrets<Value> {
  // A key of this process alone: digests of two candidates tell nothing to who measures them.
  const key = randomBytes(32);
  const digestOf = (secret: string | Uint8Array): Buffer => createHmac("sha256", key).update(secret).digest();
  const known = Array.from(secrets)
    .filter(([secret]) => secret.length > 0)
    .map(([secret, value]) => ({ digest: digestOf(secret), value }));
  return {
    empty: known.length === 0,
    find(candidate) {
      const digest = digestOf(candidate);
      let found: Value | undefined;
      for (const each of known) if (timingSafeEqual(each.digest, digest)) found = each.value;
      return found;
    },
  };
}

/** What was said and found right, by who said it. */
export interface Recollection<Value> {
  find(who: string, said: Uint8Array): Value | undefined;
  keep(who: string, said: Uint8Array, value: Value): void;
  forget(who: string, said: Uint8Array): void;
}

/** Remembers digests only, and at most so many; who has not come for longest is forgotten. */
export function createRecollection<Value>(most: number): Recollection<Value> {
  const key = randomBytes(32);
  const values = new Map<string, Value>();
  const digestOf = (who: string, said: Uint8Array) =>
    createHmac("sha256", key).update(`${who}\n`).update(said).digest("base64");
  const put = (digest: string, value: Value) => {
    values.delete(digest);
    values.set(digest, value);
    const [oldest] = values.size > most ? values.keys() : [];
    if (oldest !== undefined) values.delete(oldest);
  };
  return {
    find(who, said) {
      const digest = digestOf(who, said);
      const value = values.get(digest);
      if (value !== undefined) put(digest, value);
      return value;
    },
    keep: (who, said, value) => put(digestOf(who, said), value),
    forget: (who, said) => void values.delete(digestOf(who, said)),
  };
}

/** The bytes of `Basic` credentials, `name:password`, or undefined. */
export function credentialsOf(authorization: string | null): Uint8Array | undefined {
  const encoded = /^basic +([\w+/-]+=*)\s*$/i.exec(authorization ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64");
}
