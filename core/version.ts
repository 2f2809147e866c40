// Which headend this is.
import manifest from "../package.json" with { type: "json" };

export const version: string = manifest.version;

/** How we introduce ourselves to upstreams that the config gives no other name for. */
export const userAgent = `Headend/${version}`;
