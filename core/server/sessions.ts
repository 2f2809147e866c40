// Who is logged in: a signed cookie, which says so by itself and survives restarts.
import { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../plugin.ts";
import type { AccessConfig } from "./access.ts";

/** The cookie's name (RFC 6265). */
export const cookieName = "headend";

const day = 86_400_000;
const lifetime = 30 * day;

export interface Sessions {
  /** The value of a cookie that lets a user in from now on. */
  issue(user: string): string;
  /** Whom a request's cookies let in, and whether it is time for a new one. */
  read(cookies: string | null): { readonly user: string; readonly old: boolean } | undefined;
}

/** Another password or another role of a user ends that user's sessions, since the signature is made with both. */
export function createSessions(config: AccessConfig, key: Uint8Array, clock: Clock): Sessions {
  const sign = (user: string, expires: number): Buffer | undefined => {
    const stored = Object.hasOwn(config.users, user) ? config.users[user] : undefined;
    if (!stored || stored.password === "") return undefined;
    const state = createHash("sha256")
      .update(JSON.stringify([stored.password, stored.role ?? ""]))
      .digest("hex");
    return createHmac("sha256", key)
      .update(JSON.stringify(["v1", user, expires, state]))
      .digest();
  };

  function readOne(value: string): { readonly user: string; readonly old: boolean } | undefined {
    const [, name = "", digits = "", signature = ""] =
      /^v1\.([\w-]{1,700})\.(\d{1,15})\.([\w-]{43})$/.exec(value) ?? [];
    if (signature === "") return undefined;
    const left = Number(digits) - clock.now();
    if (left <= 0) return undefined;
    const user = Buffer.from(name, "base64url").toString("utf8");
    const wanted = sign(user, Number(digits));
    const given = Buffer.from(signature, "base64url");
    if (!wanted || given.length !== wanted.length || !timingSafeEqual(wanted, given)) return undefined;
    return { user, old: left < lifetime / 2 };
  }

  return {
    issue(user) {
      const expires = clock.now() + lifetime;
      const signature = sign(user, expires)?.toString("base64url") ?? "";
      return `v1.${Buffer.from(user).toString("base64url")}.${expires}.${signature}`;
    },
    read(cookies) {
      if (cookies === null) return undefined;
      // Several may have the name: another path's, another headend's at the same host.
      for (const part of cookies.split(";", 100)) {
        const [name = "", value = ""] = part.split("=", 2);
        const found = name.trim() === cookieName ? readOne(value.trim()) : undefined;
        if (found) return found;
      }
      return undefined;
    },
  };
}

/** A `Set-Cookie` header: with a value for as long as it lasts, or without one to take the cookie away. */
export function formatSetCookie(value: string | undefined, secure: boolean): string {
  const age = value === undefined ? 0 : lifetime / 1000;
  const attributes = ["Path=/", `Max-Age=${age}`, "HttpOnly", "SameSite=Lax", ...(secure ? ["Secure"] : [])];
  return [`${cookieName}=${value ?? ""}`, ...attributes].join("; ");
}
