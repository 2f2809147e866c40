// The servers of the relay bench: the headend and nginx, each a process of its own on core 0.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import http, { type RequestListener } from "node:http";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** A server that runs. */
export interface Server {
  readonly base: string;
  readonly pid: number;
  end(): Promise<void>;
}

const running = new Set<ChildProcess>();

/** Ends whatever still runs. */
export async function endAll(): Promise<void> {
  await Promise.all(Array.from(running, end));
}

/** The headend with one playlist of these entries; `options` are further keys of the instance, each with a comma. */
export async function startHeadend(
  o: { readonly command: readonly string[]; readonly folder: string },
  entries: readonly string[],
  options = "",
): Promise<Server> {
  const home = await mkdtemp(join(o.folder, "headend-"));
  await writeFile(join(home, "list.m3u"), `#EXTM3U\n${entries.join("")}`);
  const config = join(home, "headend.yaml");
  await writeFile(config, `instances:\n  one: { use: m3u, ${options}playlist: ./list.m3u }\n`);
  const listen = `127.0.0.1:${await freePort()}`;
  const args = ["serve", "--config", config, "--data", join(home, "data"), "--listen", listen, "--log-level", "error"];
  return await startProcess([...o.command, ...args], `http://${listen}`, "/readyz");
}

/** nginx with one worker, and what stands inside its `server`. */
export async function startNginx(folder: string, inside: string): Promise<Server> {
  const listen = `127.0.0.1:${await freePort()}`;
  const home = await mkdtemp(join(folder, "nginx-"));
  const names = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  for (const name of names) await mkdir(join(home, name));
  const temporary = names.map((name) => `${name}_temp_path ${join(home, name)};`).join(" ");
  // Started by root it would change to a user who may not read the folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  await writeFile(
    join(home, "nginx.conf"),
    `${user} daemon off; worker_processes 1; error_log /dev/null; pid ${join(home, "pid")};
events { worker_connections 2048; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary}
  server { listen ${listen}; ${inside} }
}`,
  );
  return await startProcess(["nginx", "-p", home, "-c", join(home, "nginx.conf")], `http://${listen}`, "/none");
}

/** An HTTP server of this process. Gives its port and what ends it. */
export async function startOrigin(answer: RequestListener): Promise<{ readonly port: number; end(): void }> {
  const server = http.createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    end() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Starts a process on core 0; resolves once it answers. */
export async function startProcess(words: readonly string[], base: string, path: string): Promise<Server> {
  const child = spawn("taskset", ["-c", "0", ...words], { stdio: ["ignore", "ignore", "inherit"] });
  running.add(child);
  for (let tries = 0; ; tries++) {
    const answer = await fetch(base + path, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer && answer.status !== 503) break;
    if (tries === 400) throw new Error(`${base}${path} does not answer`);
    await sleep(50);
  }
  return { base, pid: child.pid ?? 0, end: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  const closed = child.exitCode === null && child.signalCode === null ? once(child, "close") : undefined;
  child.kill("SIGTERM");
  await closed;
  running.delete(child);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
