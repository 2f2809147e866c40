// VLC's RTSP server, where the system has it: UDP alone, no description of parameters that could be relied on, no hurry.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** VLC does not run as root. */
const nobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];

/** For `test(name, { skip: vlcMissing }, …)`. */
export const vlcMissing: false | string =
  spawnSync("vlc", ["--help"]).error || (nobody.length > 0 && spawnSync("setpriv", ["--version"]).error)
    ? "needs VLC (Debian: vlc-bin vlc-plugin-base)"
    : false;

export interface VlcServer {
  /** `127.0.0.1:<port>/stream` */
  readonly place: string;
  readonly output: () => string;
  close(): Promise<void>;
}

/** Serves a file again and again, as it is, to `user` with a password where one is given. */
export async function openVlc(file: string, o: { readonly password?: string } = {}): Promise<VlcServer> {
  const folder = await mkdtemp(join(tmpdir(), "headend-vlc-"));
  await chmod(folder, 0o777);
  const home = join(folder, "home");
  await mkdir(home);
  await chmod(home, 0o777);
  const copy = join(folder, basename(file));
  await copyFile(file, copy);
  await chmod(copy, 0o644);
  const port = await freePort();
  const access = o.password === undefined ? [] : ["--sout-rtsp-user=user", `--sout-rtsp-pwd=${o.password}`];
  const words = [
    ...nobody,
    ...["env", `HOME=${home}`, "vlc", "-I", "dummy", "--no-dbus", "--loop", ...access, copy],
    ...["--sout", `#rtp{sdp=rtsp://127.0.0.1:${port}/stream}`, "--sout-keep"],
  ];
  const [program = "", ...args] = words;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let written = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  const ended = once(child, "exit");
  const close = async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (let turn = 0; !(await describes(port)); turn++) {
    if (turn > 200 || child.exitCode !== null) {
      await close();
      throw new Error(`VLC does not serve:\n${written}`);
    }
    await sleep(50);
  }
  return { place: `127.0.0.1:${port}/stream`, output: () => written, close };
}

/** Whether it has something of this name by now, for whomever. */
async function describes(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    socket.write(`DESCRIBE rtsp://127.0.0.1:${port}/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n`);
    const [answer] = await once(socket, "data");
    return /^RTSP\/1.0 (?:200|401)/.test(String(answer));
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}
