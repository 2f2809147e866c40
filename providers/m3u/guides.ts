// Which guides an M3U instance brings: those of the config, or those that the playlist's header names.
import type { GuideAddress } from "../../core/plugin.ts";
import type { Config } from "./config.ts";

/**
 * Either, or: with `preferPlaylistGuide` the header's guides are the only ones as long as it names any.
 * Only what the config itself names may be a file.
 */
export function chooseGuides(config: Config, header: readonly string[]): GuideAddress[] {
  const named = config.preferPlaylistGuide ? header.filter((url) => /^https?:\/\//i.test(url)) : [];
  const addresses = named.length > 0 ? named : config.guides;
  return addresses.map((url) => {
    const headers = requestHeaders(config, url);
    return {
      url,
      local: named.length === 0,
      ...(headers && { headers }),
      ...(config.match && { match: config.match }),
      ...(Object.keys(config.map).length > 0 && { map: config.map }),
    };
  });
}

/** The configured headers are for the playlist's server: they may carry an account, which no other server gets to see. */
export function requestHeaders(config: Config, url: string): Record<string, string> | undefined {
  const own = url === config.playlist || originOf(url) === originOf(config.playlist);
  const headers = {
    ...(own ? config.headers : {}),
    ...(config.userAgent === undefined ? {} : { "user-agent": config.userAgent }),
  };
  return Object.keys(headers).length > 0 ? headers : undefined;
}

function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin;
}
