// Server CPU per request against nginx: small JSON, 304, a playlist of 11 MB, a guide of 8 MB.
//   bun test/bench/http.ts [--rounds 5] [--seconds 3] [--runtime bun|deno]
// The real command serves what it made of a playlist and a guide; nginx serves the same bytes as files. Wants Linux,
// nginx, wrk and two idle cores: servers on core 0, wrk on core 1, turn about; medians and their ratios. Exits 1 when a
// ratio is over its goal.
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { systemClock } from "../../core/clock.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    runtime: { type: "string", default: "bun" },
  },
});

const goals = [
  { name: "JSON 2 KB", ours: "/api/status", theirs: "/status.json", connections: 32, goal: 1.0 },
  { name: "304 playlist", ours: "/playlist.m3u", theirs: "/playlist.m3u", connections: 32, fresh: true, goal: 1.0 },
  { name: "304 guide", ours: "/guide.xml", theirs: "/guide.xml.gz", connections: 32, fresh: true, goal: 1.0 },
  { name: "playlist 11 MB", ours: "/playlist.m3u", theirs: "/playlist.m3u", connections: 8, goal: 1.1 },
  { name: "guide 8 MB gz", ours: "/guide.xml", theirs: "/guide.xml.gz", connections: 8, goal: 1.1 },
];

process.exitCode = (await measure()) ? 0 : 1;

async function measure(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "headend-http-"));
  const children: ChildProcess[] = [];
  try {
    await writeFiles(folder);
    const [port, nginxPort] = [await freePort(), await freePort()];
    await writeFile(join(folder, "nginx.conf"), nginxConf(folder, nginxPort));
    const nginx = start(["nginx", "-p", folder, "-c", join(folder, "nginx.conf")]);
    children.push(nginx);
    const command = flags.runtime === "deno" ? ["deno", "run", "-A", "--no-check"] : ["bun"];
    const main = join(import.meta.dirname, "../../core/main.ts");
    const options = ["--config", join(folder, "headend.json"), "--data", join(folder, "data"), "--log-level", "error"];
    const ours = start([...command, main, "serve", "--listen", `127.0.0.1:${port}`, ...options]);
    children.push(ours);
    await copyServed(`http://127.0.0.1:${port}`, folder);
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

/** What the headend is made of: one playlist and its guide, and instances that fill its status. */
async function writeFiles(folder: string): Promise<void> {
  const entry = (n: number) =>
    `#EXTINF:-1 tvg-id="channel${n}.it" tvg-chno="${n + 1}" tvg-logo="http://logos.invalid/${n}.png" group-title="Group ${n % 40}",Channel ${n}\nhttp://upstream.invalid/live/${n}.ts\n`;
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  // Random hexadecimal digits deflate to about 57 %: 14 MB of them are a file of 8.
  const programme = (n: number) =>
    `<programme start="${day}120000 +0000" stop="${day}235900 +0000" channel="channel${n}.it"><title>T</title><desc>${randomBytes(512).toString("hex")}</desc></programme>\n`;
  const many = (count: number, one: (n: number) => string) => Array.from({ length: count }, (_, n) => one(n)).join("");
  await writeFile(join(folder, "list.m3u"), `#EXTM3U\n${many(42_000, entry)}`);
  await writeFile(join(folder, "guide.xml"), `<tv>\n${many(14_000, programme)}</tv>\n`);
  await writeFile(join(folder, "small.xml"), `<tv>\n${programme(0)}</tv>\n`);
  const big = {
    use: "m3u",
    playlist: join(folder, "list.m3u"),
    guides: [join(folder, "guide.xml")],
    deliver: "direct",
  };
  const more = Array.from({ length: 5 }, (_, n) => [`more${n}`, { use: "xmltv", guides: [join(folder, "small.xml")] }]);
  await writeFile(join(folder, "headend.json"), JSON.stringify({ instances: { big, ...Object.fromEntries(more) } }));
  for (const name of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) await mkdir(join(folder, name));
}

/** Waits until the headend serves all it has, and puts it where nginx finds it. */
async function copyServed(base: string, folder: string): Promise<void> {
  for (let tries = 0; !(await fetch(`${base}/readyz`).catch(() => undefined))?.ok; tries++) {
    if (tries === 600) throw new Error("the headend is not ready");
    await systemClock.sleep(50);
  }
  for (const [path, name] of [
    ["/api/status", "status.json"],
    ["/playlist.m3u", "playlist.m3u"],
    ["/guide.xml.gz", "guide.xml.gz"],
  ] as const) {
    const bytes = Buffer.from(await (await fetch(base + path)).arrayBuffer());
    process.stdout.write(`${name}: ${bytes.length} bytes\n`);
    await writeFile(join(folder, name), bytes);
  }
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
  return spawn("taskset", ["-c", "0", ...command], { stdio: ["ignore", "ignore", "inherit"] });
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
