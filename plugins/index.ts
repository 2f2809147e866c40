// The other plugins that come with the headend: one line each.
import type { Plugin } from "../core/plugin.ts";
import dashboard from "./dashboard/index.ts";
import hdhomerun from "./hdhomerun/index.ts";
import hls from "./hls/index.ts";
import playlist from "./playlist/index.ts";

export const plugins: readonly Plugin[] = [playlist, hls, hdhomerun, dashboard];

/** Instances that run unless the config says otherwise. */
export const defaults = {
  playlist: { use: "playlist", mount: "/" },
  hls: { use: "hls" },
  dashboard: { use: "dashboard" },
} as const;
