// The providers that come with the headend: one line each.
import type { Plugin } from "../core/plugin.ts";
import camera from "./camera/index.ts";
import iptvManager from "./iptv-manager/index.ts";
import m3u from "./m3u/index.ts";
import movistar from "./movistar/index.ts";
import testcard, { slate } from "./testcard/index.ts";
import xmltv from "./xmltv/index.ts";

export { slate };

export const providers: readonly Plugin[] = [testcard, m3u, xmltv, camera, iptvManager, movistar];

/** Instances that run where the user configured none. */
export const defaults = { testcard: { use: "testcard" }, cameras: { use: "camera", cameras: {} } } as const;
