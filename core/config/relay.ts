// The environment-only form: ten PZ8_RELAY_ variables, no file; one playlist and its guide behind basic auth.
import { parseDuration } from "../formats/duration.ts";
import { isPublicUrl, isWebAddress, parseListen } from "./address.ts";
import { findNearest } from "./nearest.ts";
import type { Problem } from "./problem.ts";
import { userNamePattern } from "./schema.ts";
import type { Environment } from "./substitute.ts";

const prefix = "PZ8_RELAY_";

/** The variables of this form, by what they hold. */
const names = {
  target: "PZ8_RELAY_TARGET_URL",
  username: "PZ8_RELAY_USERNAME",
  password: "PZ8_RELAY_PASSWORD",
  listen: "PZ8_RELAY_LISTEN_ADDR",
  publicUrl: "PZ8_RELAY_PUBLIC_URL",
  guides: "PZ8_RELAY_EPG_URLS",
  refresh: "PZ8_RELAY_EPG_REFRESH",
  prefer: "PZ8_RELAY_PREFER_PLAYLIST_EPG",
  cache: "PZ8_RELAY_CACHE_DIR",
  guideType: "PZ8_RELAY_EPG_CONTENT_TYPE",
} as const;

/** The names of the ten variables. */
export const relayVariables: readonly string[] = Object.values(names);

/** True when the environment holds any of the ten. */
export function isRelayEnvironment(env: Environment): boolean {
  return relayVariables.some((name) => env[name]);
}

/** The config that the variables stand for, as a file would have it, and what is wrong with them. */
export function readRelayEnvironment(env: Environment): { config: Record<string, unknown>; problems: Problem[] } {
  const problems: Problem[] = [];
  const report = (key: string, reason: string) => {
    problems.push({ file: "environment", line: 0, column: 0, key, reason });
  };
  const read = (key: keyof typeof names) => env[names[key]]?.trim() || undefined;
  const need = (key: keyof typeof names, what: string): string => {
    // A password may begin or end with a space: only what is wholly empty counts as missing.
    const value = key === "password" || key === "username" ? env[names[key]] : read(key);
    if (!value) report(names[key], `required: ${what}`);
    return value ?? "";
  };
  const check = (key: keyof typeof names, holds: (text: string) => boolean, expected: string): string | undefined => {
    const value = read(key);
    if (value === undefined || holds(value)) return value;
    report(names[key], `expected ${expected}`);
    return undefined;
  };

  const target = need("target", "address of the upstream playlist");
  if (target) check("target", isWebAddress, "an http or https address");
  const username = need("username", "user for basic auth");
  if (username && !userNamePattern.test(username)) report(names.username, "a user's name cannot hold a colon");
  const password = need("password", "password for basic auth");
  const guides = (read("guides") ?? "")
    .split(",")
    .map((url) => url.trim())
    .filter(Boolean);
  for (const [index, url] of guides.entries()) {
    if (!isWebAddress(url))
      report(names.guides, `entry ${index + 1} of ${guides.length} is not an http or https address`);
  }
  const prefer = check("prefer", (text) => /^(1|t|true|0|f|false)$/i.test(text), "true or false");
  const preferPlaylistGuide = prefer !== undefined && /^(1|t|true)$/i.test(prefer);
  const hasGuide = guides.length > 0 || preferPlaylistGuide;
  if (hasGuide) need("publicUrl", "the guide's address in the playlist begins with it");
  const publicUrl = check("publicUrl", isPublicUrl, "an http or https address without user, query or #");
  const refresh = check(
    "refresh",
    (text) => (parseDuration(text) ?? 0) >= 1000,
    "a duration of a second or more, such as 12h30m",
  );
  const listen = check("listen", (text) => parseListen(text) !== undefined, "host:port or :port");
  const guideType = check(
    "guideType",
    (text) => /^[\x21-\x7e]+\/[\x20-\x7e]+$/.test(text),
    "a content type such as application/xml",
  );
  problems.push(...findMistyped(env));

  const refreshes = refresh === undefined ? {} : { refresh };
  const config = {
    listen: listen ?? ":8080",
    ...(publicUrl === undefined ? {} : { publicUrl }),
    data: read("cache") ?? "/var/cache/pz8-relay",
    instances: {
      relay: { use: "m3u", playlist: target, guides, preferPlaylistGuide, deliver: "direct", ...refreshes },
      playlist: {
        use: "playlist",
        mount: "/",
        instance: "relay",
        playlistType: "application/vnd.apple.mpegurl",
        guideType: guideType ?? "application/xml",
        guideLink: hasGuide ? "/epg" : false,
      },
    },
    guide: { match: "normalised", days: "all", history: "off" },
    access: { users: { [username]: { password } } },
  };
  return { config, problems };
}

/** Variables that are nearly one of the ten; others with this beginning may be the container platform's. */
function findMistyped(env: Environment): Problem[] {
  return Object.keys(env).flatMap((key) => {
    if (!key.startsWith(prefix) || relayVariables.includes(key)) return [];
    const known = relayVariables.filter((name) => !env[name]).map((name) => name.slice(prefix.length));
    const nearest = findNearest(key.slice(prefix.length), known);
    if (nearest === undefined) return [];
    return [
      { file: "environment", line: 0, column: 0, key, reason: `unknown variable; did you mean ${prefix}${nearest}?` },
    ];
  });
}
