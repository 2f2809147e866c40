// Drives a real Kodi without a screen: takes it through set-up, reads its channels, plays some, and tells what it saw.
//   bun test/clients/kodi-player.ts --m3u URL --guide URL [--live N]... [--past N]   |   --hdhomerun [--live N]...
// Prints one line of JSON (`Report`). Needs Linux with kodi, its add-on pvr.iptvsimple or pvr.hdhomerun, Xvfb and ffmpeg
// (Debian: kodi kodi-pvr-iptvsimple kodi-pvr-hdhomerun kodi-inputstream-ffmpegdirect xvfb ffmpeg, better with pulseaudio). A channel played when
// Kodi has said that picture and sound began, and pixels of its screen went on changing.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeKodiHome } from "./kodi-home.ts";
import type { Json, Remote } from "./kodi-remote.ts";
import { freePort, openStage, screen } from "./kodi-stage.ts";

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

/** Milliseconds for each step, and for which a channel is watched. */
const patience = 40_000;
const watched = 8000;
/** Differences of a small grey picture of the screen that are nothing yet: digits that count make some dozens. */
const still = 20;
const own = flags.hdhomerun ? "pvr.hdhomerun" : "pvr.iptvsimple";

const stage = await openStage();
const { folder } = stage;
try {
  process.stdout.write(`${JSON.stringify(await run())}\n`);
} catch (thrown) {
  process.stderr.write(`${(thrown as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await stage.close();
}

async function run(): Promise<Report> {
  const port = await freePort();
  await writeKodiHome({ folder, port, addon: own, playlist: flags.m3u, guide: flags.guide });
  const { display } = stage;
  let remote = await stage.start(port);
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
    await stage.end();
    remote = await stage.start(port);
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
