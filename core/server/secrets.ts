// Knows secrets without keeping them, and compares in a time that tells nothing.
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** A set of secrets. */
export interface Secrets {
  readonly empty: boolean;
  /** Takes as long for a miss as for any hit. */
  has(candidate: string | Uint8Array): boolean;
}

/** An empty secret is never in the set. */
export function createSecrets(secrets: Iterable<string | Uint8Array>): Secrets {
  // A key of this process alone: digests of two candidates tell nothing to who measures them.
  const key = randomBytes(32);
  const digestOf = (secret: string | Uint8Array): Buffer => createHmac("sha256", key).update(secret).digest();
  const digests = Array.from(secrets)
    .filter((secret) => secret.length > 0)
    .map(digestOf);
  return {
    empty: digests.length === 0,
    has(candidate) {
      const digest = digestOf(candidate);
      let found = 0;
      for (const known of digests) found |= Number(timingSafeEqual(known, digest));
      return found === 1;
    },
  };
}

/** The bytes of `Basic` credentials, `name:password`, or undefined. */
export function credentialsOf(authorization: string | null): Uint8Array | undefined {
  const encoded = /^basic +([\w+/-]+=*)\s*$/i.exec(authorization ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64");
}
