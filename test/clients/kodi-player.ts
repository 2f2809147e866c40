// Drives a real Kodi without a screen: takes it through set-up, reads its channels, plays some, and tells what it saw.
//   bun test/clients/kodi-player.ts --m3u URL --guide URL [--live N]... [--past N]   |   --hdhomerun [--live N]...
// Prints one line of JSON (`Report`). Needs Linux with kodi, its add-on pvr.iptvsimple or pvr.hdhomerun, Xvfb and ffmpeg
// (Debian: kodi kodi-pvr-iptvsimple kodi-pvr-hdhomerun kodi-inputstream-ffmpegdirect xvfb ffmpeg, better with pulseaudio). A channel played when
// Kodi has said that picture and sound began, and pixels of its screen went on changing.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeKodiHome } from "./kodi-home.ts";
import { type Json, Remote } from "./kodi-remote.ts";

/** What Kodi showed. */
export interface Report {
  readonly kodi: string;
  readonly channels: readonly ChannelSeen[];
  readonly played: readonly Played[];
}

export interface ChannelSeen {
  readonly number: number;
  readonly name: string;
  readonly icon: string;
  readonly groups: readonly string[];
  readonly archive: boolean;
  /** What is on, and how many programmes its guide has. */
  readonly now: string;
  readonly programmes: number;
}

export interface Played {
  readonly what: string;
  /** Seconds until picture and sound; absent: they never came. */
  readonly started?: number;
  readonly video: string;
  readonly audio: number;
  /** Of so many looks at the screen, in how many it had changed. */
  readonly looks: number;
  readonly moved: number;
}

const { values: flags } = parseArgs({
  options: {
    m3u: { type: "string" },
    guide: { type: "string" },
    hdhomerun: { type: "boolean", default: false },
    live: { type: "string", multiple: true, default: [] },
    past: { type: "string", default: "0" },
  },
});

const screen = "640x360";
/** Milliseconds for each step, and for which a channel is watched. */
const patience = 40_000;
const watched = 8000;
/** Differences of a small grey picture of the screen that are nothing yet: digits that count make some dozens. */
const still = 20;
const own = flags.hdhomerun ? "pvr.hdhomerun" : "pvr.iptvsimple";

const children: ChildProcess[] = [];
let sound: string | undefined;
const folder = await mkdtemp(join(tmpdir(), "headend-kodi-"));
try {
  process.stdout.write(`${JSON.stringify(await run())}\n`);
} catch (thrown) {
  process.stderr.write(`${(thrown as Error).message}\n`);
  process.exitCode = 1;
} finally {
  for (const child of children.reverse()) await end(child);
  await rm(folder, { recursive: true, force: true });
}

async function run(): Promise<Report> {
  const port = await freePort();
  await writeKodiHome({ folder, port, addon: own, playlist: flags.m3u, guide: flags.guide });
  const display = await startScreen();
  sound = await startSound();
  const kodi = await startKodi(display, port);
  let remote = kodi;
  const version = (await remote.call("Application.GetProperties", { properties: ["version"] })).version as Json;
  const channels = await readChannels(remote);
  const played: Played[] = [];
  for (const each of flags.live) {
    const found = channels.find(({ number }) => number === Number(each));
    if (!found) throw new Error(`Kodi has no channel ${each}`);
    played.push(await play(remote, display, `live ${each}`, { channelid: found.id }));
  }
  if (Number(flags.past) > 0) {
    // Programmes can be named when Kodi has stored them: each minute, and when it quits.
    await remote.call("Application.Quit").catch(() => {});
    remote.close();
    await end(children.pop());
    remote = await startKodi(display, port);
    const found = (await readChannels(remote)).find(({ number }) => number === Number(flags.past));
    const programmes = await programmesOf(remote, found?.id ?? 0);
    const over = programmes.filter((each) => each.broadcastid && timeOf(each.endtime) < Date.now() - 300_000).at(-1);
    if (!over) throw new Error(`Kodi has nothing of channel ${flags.past} that is over`);
    played.push(await play(remote, display, `past ${over.title}`, { broadcastid: over.broadcastid }));
  }
  await remote.call("Application.Quit").catch(() => {});
  remote.close();
  return {
    kodi: `${version.major}.${version.minor}`,
    channels: channels.map(({ id: _, ...rest }) => rest),
    played,
  };
}

/** Kodi times are in UTC, without saying so. */
function timeOf(text: unknown): number {
  return Date.parse(`${String(text).replace(" ", "T")}Z`);
}

async function startScreen(): Promise<string> {
  const words = ["-displayfd", "1", "-screen", "0", `${screen}x24`, "-nolisten", "tcp"];
  const child = spawn("Xvfb", words, { stdio: ["ignore", "pipe", "ignore"], detached: true });
  children.push(child);
  const [number] = await Promise.race([once(child.stdout, "data"), sleep(15_000).then(() => [])]);
  if (number === undefined) throw new Error("Xvfb does not start");
  return `:${String(number).trim()}`;
}

/** A sound device that nobody hears, and whose clock runs; without one Kodi waits ten seconds for it. Its address, if any. */
async function startSound(): Promise<string | undefined> {
  const socket = join(folder, "sound");
  const load = ["module-null-sink", `module-native-protocol-unix auth-anonymous=1 socket=${socket}`].map(
    (each) => `--load=${each}`,
  );
  const words = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes", ...load];
  const env = { PATH: process.env.PATH ?? "", HOME: folder, XDG_RUNTIME_DIR: folder };
  const child = spawn("pulseaudio", words, { env, stdio: "ignore", detached: true });
  const gone = once(child, "error").then(() => true);
  children.push(child);
  for (let turn = 0; turn < 50; turn++) {
    if (existsSync(socket)) return `unix:${socket}`;
    if (await Promise.race([gone, sleep(100).then(() => false)])) break;
  }
  return undefined;
}

async function startKodi(display: string, port: number): Promise<Remote> {
  const env = {
    ...{ HOME: folder, PATH: process.env.PATH ?? "", DISPLAY: display, LANG: "C.UTF-8", TZ: "UTC" },
    ...{ XDG_RUNTIME_DIR: folder, LIBGL_ALWAYS_SOFTWARE: "1", DBUS_SESSION_BUS_ADDRESS: "unix:path=/none" },
  };
  const kodi = spawn("kodi", ["--windowing=x11", `--audio-backend=${sound ? "pulseaudio" : "alsa"}`], {
    cwd: folder,
    env: { ...env, ...(sound && { PULSE_SERVER: sound }) },
    stdio: "ignore",
    detached: true,
  });
  children.push(kodi);
  for (const last = performance.now() + patience; performance.now() < last; await sleep(250)) {
    if (kodi.exitCode !== null) throw new Error(`Kodi ended with ${kodi.exitCode}`);
    const socket = net.connect(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    if (!open) continue;
    const remote = new Remote(socket);
    await remote.call("JSONRPC.Ping");
    await closeDialogs(remote);
    return remote;
  }
  throw new Error("Kodi does not come up");
}

/** Until its first page has been in front for a moment. */
async function closeDialogs(remote: Remote): Promise<void> {
  let calm = 0;
  for (const last = performance.now() + 15_000; performance.now() < last && calm < 4; await sleep(150)) {
    const { currentwindow } = await remote.call("GUI.GetProperties", { properties: ["currentwindow"] });
    const { id } = currentwindow as { id: number };
    calm = id === 10000 ? calm + 1 : 0;
    if (![10000, 9999, 12998, 12999].includes(id)) await remote.call("Input.Back").catch(() => {});
  }
}

/** The channels, when they have come and their guide has stopped growing. */
async function readChannels(remote: Remote): Promise<(ChannelSeen & { readonly id: number })[]> {
  let seen: (ChannelSeen & { readonly id: number })[] = [];
  let same = 0;
  for (const last = performance.now() + patience; performance.now() < last && same < 4; await sleep(500)) {
    const before = JSON.stringify(seen);
    seen = await lookAtChannels(remote).catch(() => []);
    const whole = seen.length > 0 && (flags.hdhomerun || seen.some(({ programmes }) => programmes > 0));
    same = whole && JSON.stringify(seen) === before ? same + 1 : 0;
  }
  if (seen.length === 0) throw new Error(`${own} gave Kodi no channels`);
  return seen;
}

async function lookAtChannels(remote: Remote): Promise<(ChannelSeen & { readonly id: number })[]> {
  const groups = (await remote.call("PVR.GetChannelGroups", { channeltype: "tv" })).channelgroups as Json[];
  const inGroup = new Map<unknown, string[]>();
  for (const { channelgroupid, label } of groups ?? []) {
    const { channels } = await remote.call("PVR.GetChannels", { channelgroupid });
    for (const { channelid } of (channels ?? []) as Json[])
      inGroup.set(channelid, [...(inGroup.get(channelid) ?? []), String(label)]);
  }
  const properties = ["channelnumber", "icon", "hasarchive", "broadcastnow"];
  const { channels } = await remote.call("PVR.GetChannels", { channelgroupid: "alltv", properties });
  const seen = [];
  for (const each of (channels ?? []) as Json[])
    seen.push({
      id: Number(each.channelid),
      number: Number(each.channelnumber),
      name: String(each.label),
      icon: String(each.icon ?? ""),
      groups: inGroup.get(each.channelid) ?? [],
      archive: each.hasarchive === true,
      now: String((each.broadcastnow as Json | undefined)?.title ?? ""),
      programmes: (await programmesOf(remote, Number(each.channelid))).length,
    });
  return seen;
}

async function programmesOf(remote: Remote, channelid: number): Promise<Json[]> {
  const properties = ["title", "starttime", "endtime"];
  const { broadcasts } = await remote.call("PVR.GetBroadcasts", { channelid, properties }).catch((): Json => ({}));
  return (broadcasts ?? []) as Json[];
}

async function play(remote: Remote, display: string, what: string, item: Json): Promise<Played> {
  const asked = performance.now();
  remote.call("Player.Open", { item }).catch(() => {});
  const began = () => remote.events.find(({ at, method }) => at >= asked && method === "Player.OnAVStart")?.at;
  while (began() === undefined && performance.now() < asked + patience) await sleep(100);
  const started = began();
  if (started === undefined) return { what, video: "", audio: 0, looks: 0, moved: 0 };
  let before: Buffer | undefined;
  let looks = 0;
  let moved = 0;
  for (const last = performance.now() + watched; performance.now() < last; await sleep(500)) {
    const now = look(display);
    if (now && before) {
      looks++;
      if (now.reduce((sum, value, at) => sum + Math.abs(value - (before?.[at] ?? 0)), 0) > still) moved++;
    }
    before = now ?? before;
  }
  const properties = ["currentvideostream", "audiostreams"];
  const { currentvideostream, audiostreams } = await remote
    .call("Player.GetProperties", { playerid: 1, properties })
    .catch((): Json => ({}));
  const { codec, width, height } = (currentvideostream ?? {}) as Json;
  await remote.call("Player.Stop", { playerid: 1 }).catch(() => {});
  await sleep(1500);
  const seconds = Math.round((started - asked) / 100) / 10;
  return {
    ...{ what, started: seconds, video: `${codec} ${width}x${height}` },
    ...{ audio: ((audiostreams ?? []) as Json[]).length, looks, moved },
  };
}

/** The screen, small and grey. */
function look(display: string): Buffer | undefined {
  const words = `-v error -f x11grab -draw_mouse 0 -video_size ${screen} -i ${display} -frames:v 1 -vf scale=64:36,format=gray -f rawvideo -`;
  const { stdout } = spawnSync("ffmpeg", words.split(" "), { timeout: 10_000 });
  return stdout?.length === 64 * 36 ? stdout : undefined;
}

/** Ends a program with all that it started. */
async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  await Promise.race([closed, sleep(7000)]);
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    return;
  }
  await closed;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  return port;
}
