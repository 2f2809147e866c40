// A screen that nobody sees, a sound device that nobody hears, and a home folder: where a real Kodi is started and ended.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Remote } from "./kodi-remote.ts";

export interface Stage {
  /** Kodi's HOME; its own is `.kodi` below it. */
  readonly folder: string;
  readonly display: string;
  /** Starts Kodi, whose home is written already and says this port for JSON-RPC; its first page is in front. */
  start(port: number): Promise<Remote>;
  /** Ends Kodi alone. */
  end(): Promise<void>;
  /** Ends everything, and removes the folder. */
  close(): Promise<void>;
}

export const screen = "640x360";
/** Milliseconds for Kodi to come up. */
const patience = 40_000;

export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "headend-kodi-"));
  const children: ChildProcess[] = [];
  let kodi: ChildProcess | undefined;
  const close = async () => {
    await end(kodi);
    for (const child of children.reverse()) await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const display = await startScreen(children);
    const sound = await startSound(folder, children);
    return {
      folder,
      display,
      async start(port) {
        kodi = spawnKodi(folder, display, sound);
        return await connect(kodi, port);
      },
      async end() {
        await end(kodi);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startScreen(children: ChildProcess[]): Promise<string> {
  const words = ["-displayfd", "1", "-screen", "0", `${screen}x24`, "-nolisten", "tcp"];
  const child = spawn("Xvfb", words, { stdio: ["ignore", "pipe", "ignore"], detached: true });
  children.push(child);
  const [number] = await Promise.race([once(child.stdout, "data"), sleep(15_000).then(() => [])]);
  if (number === undefined) throw new Error("Xvfb does not start");
  return `:${String(number).trim()}`;
}

/** A sound device that nobody hears, and whose clock runs; without one Kodi waits ten seconds for it. Its address, if any. */
async function startSound(folder: string, children: ChildProcess[]): Promise<string | undefined> {
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

function spawnKodi(folder: string, display: string, sound: string | undefined): ChildProcess {
  const env = {
    // The system's own programs first: Kodi's Python takes its library from the first python3 that it finds.
    ...{ HOME: folder, PATH: `/usr/bin:/bin:${process.env.PATH ?? ""}`, DISPLAY: display, LANG: "C.UTF-8", TZ: "UTC" },
    ...{ XDG_RUNTIME_DIR: folder, LIBGL_ALWAYS_SOFTWARE: "1", DBUS_SESSION_BUS_ADDRESS: "unix:path=/none" },
  };
  return spawn("kodi", ["--windowing=x11", `--audio-backend=${sound ? "pulseaudio" : "alsa"}`], {
    cwd: folder,
    env: { ...env, ...(sound && { PULSE_SERVER: sound }) },
    stdio: "ignore",
    detached: true,
  });
}

async function connect(kodi: ChildProcess, port: number): Promise<Remote> {
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

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  return port;
}
