// A real Chromium for the tests of pages and players: where it is, how it is started, and a page that plays HLS.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import { root } from "../support/source.ts";

const program = [
  process.env.CHROMIUM_PATH ?? "",
  ...(process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => [join(folder, "chromium"), join(folder, "google-chrome")]),
].find((path) => path !== "" && existsSync(path));

/** For `test(name, { skip: chromiumMissing }, …)`. */
export const chromiumMissing: false | string = program
  ? false
  : "needs Chromium: install it, or say where it is with CHROMIUM_PATH";

/** Starts it without a window, and without what it does by itself over the network. */
export async function launchChromium(): Promise<Browser> {
  const quiet = ["background-networking", "component-update", "sync", "quic", "gpu"].map((what) => `--disable-${what}`);
  return await chromium.launch({
    executablePath: program ?? "",
    args: [...quiet, "--no-sandbox", "--no-first-run", "--autoplay-policy=no-user-gesture-required"],
  });
}

/** The files of a page that plays the address in its query's `source`, and keeps what hls.js says that is wrong in `errors`. */
export async function hlsPage(): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const page = `<!doctype html><meta charset="utf-8"><video muted autoplay controls width="640"></video>
<script src="/hls.js"></script><script>
const video = document.querySelector("video");
window.errors = [];
const hls = new Hls();
hls.on(Hls.Events.ERROR, (_, data) => errors.push(data.type + " " + data.details + (data.fatal ? " fatal" : "")));
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
hls.loadSource(new URLSearchParams(location.search).get("source"));
hls.attachMedia(video);
</script>`;
  return { "/": page, "/hls.js": await readFile(join(root, "node_modules/hls.js/dist/hls.min.js")) };
}
