// `npm run demo:movistar`: the emulated operator with a headend in front of it, for VLC or any other player, until Ctrl-C.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { multicastMissing } from "../multicast.ts";
import { root } from "../source.ts";
import { openMovistar } from "./index.ts";
import { channels } from "./world.ts";

const folder = await mkdtemp(join(tmpdir(), "headend-demo-"));
const operator = await openMovistar({
  multicast: multicastMissing === false,
  days: 8,
  short: { ago: 1800, count: 60, seconds: 20 },
});
for (const { id } of channels) operator.startLive(id);
const config = join(folder, "headend.yaml");
await writeFile(config, `instances:\n  movistar:\n    ${operator.config}    mount: /\n`);

const words = [join(root, "core/main.ts"), "serve", "--config", config, "--data", join(folder, "data")];
const headend = spawn(process.execPath, [...words, ...process.argv.slice(2)], { stdio: "inherit" });
const past = Math.floor(Date.now() / 1000) - 1795;
process.stdout.write(`
The emulated operator answers at ${operator.app.url}, ${multicastMissing ? "by unicast" : "by multicast on loopback"}.
When the headend listens (at port 8888 unless --listen says otherwise), try:

  vlc http://127.0.0.1:8888/MovistarTV.m3u
  vlc http://127.0.0.1:8888/2543/live
  vlc http://127.0.0.1:8888/2543/${past}        programmes of 20 seconds, one after the other
  vlc http://127.0.0.1:8888/cloud/2543/${operator.cloud[0]?.start ?? 0}   of a month ago, from the cloud

`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => headend.kill("SIGTERM"));
headend.on("exit", async (code) => {
  await operator.close();
  await rm(folder, { recursive: true, force: true });
  process.exit(code ?? 0);
});
