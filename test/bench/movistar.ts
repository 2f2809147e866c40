// Movistar at its full size: from cold to lists and guide, twelve viewers, a day of refreshes, ten minutes without a gap.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { convertClip, makeClip } from "../support/media.ts";
import { formatDay } from "../support/movistar/documents.ts";
import { type Movistar, openMovistar } from "../support/movistar/index.ts";
import { makePictures } from "../support/movistar/pictures.ts";
import type { WorldChannel } from "../support/movistar/world.ts";
import { compileRelay } from "./movistar-relay.ts";
import { costOf, watchAll } from "./relay-load.ts";
import { endAll, type Server, startProcess } from "./relay-servers.ts";

const help = `By hand: bun test/bench/movistar.ts [options]; wants Linux, ffmpeg and two idle cores, and cc for the comparison

  --only cold|viewers|day|gaps   one of its parts
  --channels N                   (250)
  --rate N                       datagrams a second of each carousel (400)
  --seconds N                    that viewers watch (10), or look for gaps (600)
  --rounds N                     of viewers and the plain relay in turn (3)
  --command JSON                 what runs headend ([bun, core/main.ts])
`;
const text = { type: "string" } as const;
const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    only: { ...text, default: "" },
    channels: { ...text, default: "250" },
    rate: { ...text, default: "400" },
    seconds: text,
    rounds: { ...text, default: "3" },
    command: text,
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
if (flags.help) {
  say(help);
  process.exit();
}
const command: string[] = flags.command
  ? JSON.parse(flags.command)
  : ["bun", join(import.meta.dirname, "../../core/main.ts")];
const wants = (part: string) => flags.only === "" || flags.only === part;
const rate = Number(flags.rate);
const liveCount = 8;
const pastCount = 4;
if (process.platform === "linux") spawn("taskset", ["-cp", "1", String(process.pid)], { stdio: "ignore" });
const folder = await mkdtemp(join(tmpdir(), "headend-movistar-"));
try {
  if (wants("cold")) await cold();
  if (wants("day")) await day();
  if (wants("viewers")) await viewers();
  if (wants("gaps")) await gaps();
} finally {
  await endAll();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

function channelsOf(count: number): WorldChannel[] {
  return Array.from({ length: count }, (_, n) => ({
    id: 1000 + n,
    name: `Canal ${n}`,
    packages: { UTX50: n + 1 },
    hd: true,
  }));
}

/** Eight days of 75 programmes for each channel. */
function openLarge(): Promise<Movistar> {
  return openMovistar({
    ...{ multicast: true, channels: channelsOf(Number(flags.channels)), rate },
    ...{ days: 8, length: 1152, now: Date.now() },
  });
}

async function start(operator: Movistar, keys = ""): Promise<Server & { readonly data: string }> {
  const data = await mkdtemp(join(folder, "data-"));
  const config = join(data, "headend.yaml");
  await writeFile(config, `instances:\n  tv:\n    ${operator.config}    bandwidth: 1G\n${keys}`);
  const listen = `127.0.0.1:${20_000 + Math.floor(Math.random() * 10_000)}`;
  const words = ["serve", "--config", config, "--data", data, "--listen", listen, "--log-level", "error"];
  return { ...(await startProcess([...command, ...words], `http://${listen}`, "/api/status")), data };
}

/** Polls until it holds. @returns seconds since `from` */
async function when(from: number, holds: () => Promise<boolean>): Promise<number> {
  while (!(await holds().catch(() => false))) {
    if (performance.now() - from > 120_000) throw new Error("it never came");
    await sleep(100);
  }
  return (performance.now() - from) / 1000;
}

async function listed(base: string): Promise<number> {
  const response = await fetch(`${base}/tv/canales.m3u`);
  return (await response.text()).match(/^http/gm)?.length ?? 0;
}

async function programmes(base: string): Promise<number> {
  const response = await fetch(`${base}/tv/guide.xml.gz`);
  if (!response.ok) return 0;
  return (
    gunzipSync(await response.bytes())
      .toString("latin1")
      .split("<programme ").length - 1
  );
}

async function cold(): Promise<void> {
  const operator = await openLarge();
  const cycle = Math.max(...operator.days.map(({ round }) => round)) / rate;
  const begun = performance.now();
  const server = await start(operator);
  const up = (performance.now() - begun) / 1000;
  const lists = await when(begun, async () => (await listed(server.base)) >= Number(flags.channels));
  // The guide's file is there when it is merged, with all that was received.
  const guide = await when(begun, async () => (await fetch(`${server.base}/tv/guide.xml.gz`, { method: "HEAD" })).ok);
  const count = await programmes(server.base);
  say(
    `cold: ${flags.channels} channels, ${operator.events.length} programmes; listens after ${up.toFixed(1)} s, lists after ${lists.toFixed(1)} s; ` +
      `guide of ${count} after ${guide.toFixed(1)} s, with a cycle of ${cycle.toFixed(1)} s: ${(guide - lists - cycle).toFixed(1)} s more than lists and cycle`,
  );
  const { cpu, peak } = await costOf(server.pid);
  say(`cold: ${(cpu / 1000).toFixed(1)} s of CPU, ${peak.toFixed(0)} MiB at its peak`);
  await server.end();
  await operator.close();
}

/** Twenty-four refreshes, each of which finds that every programme has been replaced by another. */
async function day(): Promise<void> {
  const operator = await openLarge();
  const server = await start(operator);
  await when(performance.now(), async () => (await programmes(server.base)) > 0);
  const byDay = operator.days.map((_, day) => {
    const services = new Map<number, (typeof operator.events)[number][]>();
    for (const event of operator.events)
      if (event.day === day) services.set(event.service, [...(services.get(event.service) ?? []), event]);
    return services;
  });
  const sizes: number[] = [];
  for (let hour = 1; hour <= 24; hour++) {
    for (const [index, { segments }] of operator.days.entries())
      for (const segment of segments) {
        const events = (byDay[index]?.get(segment.id) ?? []).map((event) => ({
          ...event,
          pid: event.pid + hour * 1_000_000,
          title: `${event.title} ${hour}`,
        }));
        segment.bytes = formatDay(segment.id, 1, events);
        segment.version = hour;
      }
    await fetch(`${server.base}/api/instances/tv/refresh`, { method: "POST" });
    const status = async () =>
      (await (await fetch(`${server.base}/api/status`)).json()) as { instances: { tv?: { nextRefresh?: unknown } } };
    await sleep(1000);
    await when(performance.now(), async () => JSON.stringify(await status()).includes("nextRefresh"));
    await sleep(3000);
    sizes.push((await costOf(server.pid)).rss);
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  say(`day: MiB after each hour: ${sizes.map((size) => size.toFixed(0)).join(" ")}`);
  say(
    `day: hours 7 to 12 ${mean(sizes.slice(6, 12)).toFixed(0)} MiB, hours 19 to 24 ${mean(sizes.slice(18)).toFixed(0)} MiB`,
  );
  await server.end();
  await operator.close();
}

/** Twelve channels at ten megabits a second, of which all but four are sent live. */
async function openBroad(): Promise<Movistar> {
  const path = await convertClip(await makeClip("h264", { seconds: 8, gop: 50 }), "broad.ts", ["-muxrate", "10M"]);
  const operator = await openMovistar({
    ...{ multicast: true, channels: channelsOf(liveCount + pastCount), days: 1, rate },
    pictures: makePictures(new Uint8Array(await readFile(path))),
  });
  return operator;
}

async function viewers(): Promise<void> {
  const operator = await openBroad();
  const ms = Number(flags.seconds ?? 10) * 1000;
  const all = operator.channels.map(({ id }) => id);
  for (const id of all) operator.startLive(id);
  const server = await start(operator);
  await when(performance.now(), async () => (await programmes(server.base)) > 0);
  const relay = await compileRelay(folder);
  if (relay === undefined) say("viewers: there is no C compiler; nothing is compared");
  const port = 30_000 + Math.floor(Math.random() * 10_000);
  const plain =
    relay === undefined ? undefined : await startProcess([relay, String(port)], `http://127.0.0.1:${port}`, "/");
  const shares: { headend: number[]; plain: number[] } = { headend: [], plain: [] };
  const measure = async (name: keyof typeof shares, pid: number, urls: readonly string[]) => {
    const looks: { cpu: number; at: number }[] = [];
    const measured = async () => void looks.push({ cpu: (await costOf(pid)).cpu, at: performance.now() });
    const taken = await watchAll(urls, { viewers: 1, ms, every: 4, measured });
    const [one, other] = looks;
    // On a busy machine the pause is longer than was asked for.
    const took = (other?.at ?? 0) - (one?.at ?? 0);
    const share = ((other?.cpu ?? 0) - (one?.cpu ?? 0)) / took;
    shares[name].push(share);
    const rates = `${((taken.bytes * 8) / took / 1000).toFixed(0)} Mbit/s, the least ${((taken.least * 8) / took / 1000).toFixed(1)}`;
    say(
      `viewers: ${name}: ${(share * 100).toFixed(1)} % of a core for ${urls.length} viewers, ${rates}; errors ${taken.errors}, refused ${taken.refused}`,
    );
  };
  const past = Math.floor(Date.now() / 1000) - 2 * 3600;
  const ours = all.map((id, n) => `${server.base}/tv/${id}/${n < liveCount ? "live" : past + n}`);
  const theirs = all.map((id) => `http://127.0.0.1:${port}/${operator.liveOf(id).address}/${operator.liveOf(id).port}`);
  for (let round = 0; round < Number(flags.rounds); round++) {
    await measure("headend", server.pid, ours);
    if (plain) await measure("plain", plain.pid, theirs);
    await sleep(1000);
  }
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  say(
    `viewers: median ${(median(shares.headend) * 100).toFixed(1)} % of a core; ${(median(shares.headend) / median(shares.plain)).toFixed(1)} times a plain relay in C`,
  );
  await plain?.end();
  await server.end();
  await operator.close();
}

/** Every packet of eight live channels is looked at. */
async function gaps(): Promise<void> {
  const operator = await openBroad();
  const ms = Number(flags.seconds ?? 600) * 1000;
  const live = operator.channels.slice(0, liveCount).map(({ id }) => id);
  for (const id of live) operator.startLive(id);
  const server = await start(operator);
  await when(performance.now(), async () => (await listed(server.base)) > 0);
  const taken = await watchAll(
    live.map((id) => `${server.base}/tv/${id}/live`),
    { viewers: 1, ms, every: 1 },
  );
  const metrics = await (await fetch(`${server.base}/metrics`)).text();
  const came = /^headend_continuity_errors_total (\d+)/m.exec(metrics)?.[1];
  const rates = `${((taken.bytes * 8) / ms / 1000).toFixed(0)} Mbit/s, the least ${((taken.least * 8) / ms / 1000).toFixed(1)}`;
  say(
    `gaps: ${live.length} viewers for ${ms / 1000} s, ${rates}: ${taken.errors} continuity errors, ${came} of them came from the sender`,
  );
  await server.end();
  await operator.close();
}
