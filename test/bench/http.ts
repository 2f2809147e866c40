// Server CPU per request against nginx: small JSON, 304, a playlist of 11 MB, a guide of 8 MB.
//   bun test/bench/http.ts [--rounds 5] [--seconds 3] [--runtime bun|deno]
// Wants Linux, nginx, wrk and two idle cores: servers on core 0, wrk on core 1, turn about; medians and their ratios.
// Exits 1 when a ratio is over its goal.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { artefactOf } from "../../core/cache.ts";
import { systemClock } from "../../core/clock.ts";
import { serve } from "../../core/runtime/serve.ts";
import { createServer } from "../../core/server/index.ts";
import { replyFile } from "../../core/server/reply.ts";
import { createTestHeadend, createTestLog, noStreams } from "../core/server/support.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    runtime: { type: "string", default: "bun" },
    serve: { type: "string" },
  },
});

const goals = [
  { name: "JSON 2 KB", ours: "/api/status", theirs: "/status.json", connections: 32, goal: 1.0 },
  { name: "304", ours: "/playlist.m3u", theirs: "/playlist.m3u", connections: 32, fresh: true, goal: 1.0 },
  { name: "playlist 11 MB", ours: "/playlist.m3u", theirs: "/playlist.m3u", connections: 8, goal: 1.1 },
  { name: "guide 8 MB gz", ours: "/guide.xml", theirs: "/guide.xml.gz", connections: 8, goal: 1.1 },
];

if (flags.serve !== undefined) await serveFolder(flags.serve);
else process.exitCode = (await measure()) ? 0 : 1;

/** The product's server on the files of a folder; prints its port. */
async function serveFolder(folder: string): Promise<void> {
  const status = JSON.parse(await readFile(join(folder, "status.json"), "utf8"));
  const server = createServer({
    headend: createTestHeadend({ status: () => status }),
    streams: noStreams,
    access: { users: {}, tokens: {} },
    trustedProxies: [],
    log: createTestLog(),
    clock: systemClock,
  });
  const [playlist, guide] = await Promise.all(
    ["playlist.m3u", "guide.xml.gz"].map((name) => artefactOf(join(folder, name))),
  );
  if (!playlist || !guide) throw new Error("the folder lacks its files");
  const app = server.router
    .createApp("/")
    .get("/playlist.m3u", ({ request }) => replyFile(request, playlist, { type: "audio/x-mpegurl" }))
    .get("/guide.xml", ({ request }) => replyFile(request, guide, { type: "application/xml", encoding: "gzip" }));
  server.router.mount("playlist", "/", app);
  const { port } = await serve({ host: "127.0.0.1", port: 0, fetch: server.fetch });
  process.stdout.write(`${port}\n`);
}

async function measure(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "headend-http-"));
  const children: ChildProcess[] = [];
  try {
    await writeFiles(folder);
    const nginxPort = await freePort();
    await writeFile(join(folder, "nginx.conf"), nginxConf(folder, nginxPort));
    const nginx = start(["nginx", "-p", folder, "-c", join(folder, "nginx.conf")]);
    children.push(nginx);
    const command = flags.runtime === "deno" ? ["deno", "run", "-A", "--no-check"] : ["bun"];
    const ours = start([...command, import.meta.filename, "--serve", folder]);
    children.push(ours);
    const port = Number(await firstLine(ours));
    await listening(nginxPort);
    const servers = [
      { name: "nginx", base: `http://127.0.0.1:${nginxPort}`, pid: nginx.pid ?? 0, path: "theirs" as const },
      { name: "headend", base: `http://127.0.0.1:${port}`, pid: ours.pid ?? 0, path: "ours" as const },
    ];
    let reached = true;
    for (const goal of goals) {
      const costs = new Map<string, number[]>();
      for (let round = 0; round < Number(flags.rounds); round++) {
        for (const server of servers) {
          const url = server.base + goal[server.path];
          const cost = await load(url, server.pid, goal.connections, goal.fresh === true);
          costs.set(server.name, [...(costs.get(server.name) ?? []), cost]);
        }
      }
      const [theirs = 0, mine = 0] = servers.map(({ name }) => median(costs.get(name) ?? []));
      const ratio = mine / theirs;
      reached &&= ratio <= goal.goal;
      const line = `${goal.name.padEnd(16)} nginx ${theirs.toFixed(1)} µs, headend ${mine.toFixed(1)} µs of CPU a request`;
      process.stdout.write(`${line}: ${ratio.toFixed(2)} x (goal ${goal.goal})\n`);
    }
    return reached;
  } finally {
    for (const child of children) child.kill("SIGTERM");
    await Promise.all(children.map((child) => new Promise((resolve) => child.once("close", resolve))));
    await rm(folder, { recursive: true });
  }
}

/** Microseconds of CPU, user and system, that a server and its children spent per request. */
async function load(url: string, pid: number, connections: number, fresh: boolean): Promise<number> {
  const encoding = ["-H", "Accept-Encoding: gzip"];
  const tag = fresh ? (await fetch(url, { method: "HEAD" })).headers.get("etag") : null;
  const condition = tag === null ? [] : ["-H", `If-None-Match: ${tag}`];
  const before = await ticks(pid);
  const { stdout } = spawnSync(
    "taskset",
    ["-c", "1", "wrk", "-t1", `-c${connections}`, `-d${flags.seconds}s`, ...encoding, ...condition, url],
    { encoding: "utf8" },
  );
  const spent = (await ticks(pid)) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx or 3xx/.test(stdout)) throw new Error(`${url} failed:\n${stdout}`);
  return (spent * 10_000) / requests;
}

/** Clock ticks (10 ms) of a process and its children. */
async function ticks(pid: number): Promise<number> {
  let sum = 0;
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (Number(name) === pid || Number(fields[1]) === pid) sum += Number(fields[11]) + Number(fields[12]);
  }
  return sum;
}

async function writeFiles(folder: string): Promise<void> {
  const entry = (n: number) =>
    `#EXTINF:-1 tvg-id="channel${n}.it" tvg-chno="${n}" tvg-logo="http://logos.invalid/${n}.png" group-title="Group ${n % 40}",Channel ${n}\nhttp://upstream.invalid/live/${n}.ts\n`;
  await writeFile(
    join(folder, "playlist.m3u"),
    `#EXTM3U\n${Array.from({ length: 66_000 }, (_, n) => entry(n)).join("")}`,
  );
  // Random hexadecimal digits deflate to about 57 %: 14 MB of them are a file of 8.
  await writeFile(join(folder, "guide.xml.gz"), gzipSync(randomBytes(7 << 20).toString("hex"), { level: 1 }));
  const instances = Array.from({ length: 12 }, (_, n) => ({
    name: `instance${n}`,
    use: "m3u",
    state: "ok",
    sentence: "1200 channels, 50000 programmes",
    channels: 1200,
    programmesKept: 50_000,
    sources: [],
  }));
  await writeFile(
    join(folder, "status.json"),
    JSON.stringify({ version: "0.1.0", started: "2026-01-01T00:00:00Z", instances, guide: {} }),
  );
  for (const name of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) await mkdir(join(folder, name));
}

function nginxConf(folder: string, port: number): string {
  // Started by root it would change to a user who may not read the folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user} daemon off; worker_processes 1; error_log /dev/null; pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  types { application/json json; audio/x-mpegurl m3u; application/gzip gz; }
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; root ${folder}; }
}`;
}

function start(command: string[]): ChildProcess {
  return spawn("taskset", ["-c", "0", ...command], { stdio: ["ignore", "pipe", "inherit"] });
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (chunk: unknown) => resolve(String(chunk).trim()));
    child.once("exit", () => reject(new Error("the server ended")));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Waits until something listens on a port of ours. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    await systemClock.sleep(50);
  }
  throw new Error("nginx does not listen");
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
