// The past of channels through the whole headend: archives that speak one dialect, viewers that speak another, and the same pictures.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ServerResponse } from "node:http";
import { makeClip, mediaMissing, runTool, tools } from "../../support/media.ts";
import { openUpstream, type Upstream } from "../../support/upstream.ts";
import { faultsOf, openStreaming, play, type Streaming, until, watch } from "./headend.ts";
import { createSuite } from "./suite.ts";

export const past = createSuite();
const { after, before, test, together } = past;

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const options = { skip: mediaMissing, timeout: 60_000 } as const;
/** Of the archive, which begins two hours ago at a full minute; in Unix seconds. */
const seconds = 60;
const epoch = Math.floor(Date.now() / 60_000) * 60 - 7200;
/** What is asked for. */
const from = epoch + 20;
const length = 12;
/** Of Tokyo, which knows no summer time. */
const zoneOffset = 9 * 3600;

let streaming: Streaming;
let upstream: Upstream;
let clip = "";
/** What was asked of archives, by channel. */
const asked = new Map<string, string[]>();
let open = 0;

/** The archives: what an address asks for, by the dialect that its folder is named for. */
const spans: Readonly<Record<string, (url: URL) => readonly [from: number, to: number] | undefined>> = {
  flussonic({ pathname }) {
    const [, begin] = /\/timeshift_abs-(\d+)\.ts$/.exec(pathname) ?? [];
    return begin ? [Number(begin), epoch + seconds] : undefined;
  },
  shift({ searchParams }) {
    const begin = searchParams.get("utc");
    return begin && Number(searchParams.get("lutc")) >= epoch + seconds ? [Number(begin), epoch + seconds] : undefined;
  },
  append({ searchParams }) {
    return [Number(searchParams.get("start")), Number(searchParams.get("end"))];
  },
  playseek({ searchParams }) {
    const times = (searchParams.get("playseek") ?? "").split("-").map(fromClock);
    return times.length === 2 ? [times[0] ?? 0, times[1] ?? 0] : undefined;
  },
  timeshift({ pathname }) {
    const [, minutes, time = ""] = /^\/timeshift\/user\/hidden\/(\d+)\/([^/]+)\/77\.ts$/.exec(pathname) ?? [];
    const begin = fromClock(time.replaceAll(/\D/g, "").padEnd(14, "0"));
    return minutes ? [begin, begin + Number(minutes) * 60] : undefined;
  },
};

/** Fourteen digits of Tokyo's clocks. */
const fromClock = (digits: string) =>
  Date.parse(digits.replace(/(....)(..)(..)(..)(..)(..)/, "$1-$2-$3T$4:$5:$6Z")) / 1000 - zoneOffset;
const toClock = (time: number) => new Date((time + zoneOffset) * 1000).toISOString().replaceAll(/\D/g, "").slice(0, 14);

function answerPast(dialect: string, response: ServerResponse): void {
  const url = new URL(response.req.url ?? "", "http://archive.example");
  const channel = /^\/(\w+)\//.exec(url.pathname)?.[1] ?? "";
  asked.set(channel, [...(asked.get(channel) ?? []), url.pathname + url.search]);
  const span = spans[dialect]?.(url);
  if (!span) return void response.writeHead(404).end();
  const [begin, end] = span.map((time) => Math.min(Math.max(time - epoch, 0), seconds));
  const child = spawn(
    tools?.ffmpeg ?? "",
    [
      ..."-nostdin -v error -ss".split(" "),
      String(begin),
      "-i",
      clip,
      "-t",
      String((end ?? 0) - (begin ?? 0)),
      ..."-c copy -f mpegts pipe:1".split(" "),
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  open++;
  response.writeHead(200, { "content-type": "video/mp2t" });
  child.stdout.pipe(response);
  response.on("close", () => {
    open--;
    child.kill("SIGKILL");
  });
}

const channels: Readonly<Record<string, string>> = {
  flussonic: 'catchup="flussonic-ts" catchup-days="1",flussonic\nBASE/flussonic/mpegts',
  shift: 'catchup="shift" catchup-days="1",shift\nBASE/shift/live.ts',
  append: 'catchup="append" catchup-days="1" catchup-source="?start={utc}&end={utcend}",append\nBASE/append/live.ts',
  playseek: `catchup="default" catchup-days="1" catchup-source="BASE/playseek/?playseek=\${(b)yyyyMMddHHmmss}-\${(e)yyyyMMddHHmmss}",playseek\nBASE/playseek/live.ts`,
  timeshift: 'catchup="xc" catchup-days="1",timeshift\nBASE/live/user/hidden/77.ts',
  pastless: ",pastless\nBASE/append/live.ts",
};

before(async () => {
  clip = await makeClip("h264", { seconds });
  upstream = await openUpstream();
  for (const dialect of ["flussonic", "shift", "append", "playseek"])
    upstream.answers.set(`/${dialect}/`, (response) => answerPast(dialect, response));
  const time = toClock(epoch).replace(/(....)(..)(..)(..)(..)../, "$1-$2-$3:$4-$5");
  upstream.answers.set(`/timeshift/user/hidden/1/${time}/`, (response) => answerPast("timeshift", response));
  const entries = Object.entries(channels).map(([id, rest]) => `#EXTINF:-1 tvg-id="${id}" ${rest}\n`);
  upstream.answers.set("/list.m3u", `#EXTM3U\n${entries.join("").replaceAll("BASE", upstream.base)}`);
  streaming = await openStreaming(
    `streams:
  slate: 0s
  timeZone: Asia/Tokyo
instances:
  up: { use: m3u, playlist: "${upstream.base}/list.m3u", linger: 0s }
  hls: { use: hls, idle: 1s }
`,
    Object.keys(channels).length,
  );
});
after(async () => {
  await streaming?.close();
  await upstream?.close();
});

/** The pictures of some bytes or an address, by what they look like. */
async function picturesOf(source: Uint8Array | string, args: readonly string[] = []): Promise<string[]> {
  const input = typeof source === "string" ? source : "pipe:0";
  const { stdout, stderr } = await runTool(
    "ffmpeg",
    ["-v", "error", ...args, "-i", input, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"],
    typeof source === "string" ? {} : { input: source },
  );
  assert.equal(stderr, "");
  return stdout
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").at(-1)?.trim() ?? "");
}

/** All the pictures of the clip, to compare with. */
let original: Promise<string[]> | undefined;
const originals = async (begin: number, count: number) => {
  original ??= picturesOf(clip);
  return (await original).slice((begin - epoch) * 25, (begin - epoch + count) * 25);
};

/** By upstream's dialect: what viewers ask, in another, and how many seconds come. */
const pairs: readonly (readonly [upstream: string, viewer: string, begin: number, seconds: number])[] = [
  ["flussonic", `up:flussonic.ts?utc=${from}&lutc=${epoch + 7200}`, from, epoch + seconds - from],
  ["shift", `up:shift/archive-${from}-${length}.ts`, from, epoch + seconds - from],
  ["append", `up:append/archive-${from}-${length}.ts`, from, length],
  ["append", `up:append.ts?playseek=${toClock(from)}-${toClock(from + length)}`, from, length],
  ["playseek", `up:playseek.ts?start=${from}&end=${from + length}`, from, length],
  ["playseek", `up:playseek/video-${from}-${length}.mp4`, from, length],
  ["timeshift", `up:timeshift/archive-${epoch}-60.ts`, epoch, seconds],
  [
    "append",
    `TIMESHIFT/me/mine/1/${toClock(epoch).replace(/(....)(..)(..)(..)(..)../, "$1-$2-$3:$4-$5")}/up:append.ts`,
    epoch,
    seconds,
  ],
];
together(
  options,
  Object.fromEntries(
    pairs.map(([dialect, viewer, begin, count]) => [
      `an archive that speaks ${dialect} gives ${viewer.replaceAll(/\d{6,}/g, "…")} the pictures of that time`,
      async () => {
        const path = viewer.startsWith("TIMESHIFT") ? viewer.replace("TIMESHIFT", "timeshift") : `live/${viewer}`;
        const watching = await watch(`${streaming.base}/${path}`);
        await until(() => watching.ended || watching.broken, "the past has no end");
        assert.equal(watching.status, 200, new TextDecoder().decode(watching.bytes()));
        assert.equal(watching.ended, true, streaming.output().slice(-2000));
        assert.deepEqual(faultsOf(watching.bytes()), []);
        assert.deepEqual(await picturesOf(watching.bytes()), await originals(begin, count));
      },
    ]),
  ),
);

test("the past as HLS has its length, plays whole, and is sought in", options, async () => {
  const address = `${streaming.base}/live/up:append/archive-${from}-${length * 2}.m3u8`;
  const { stdout } = await runTool("ffprobe", [
    "-v",
    "error",
    "-show_entries",
    "format=duration",
    "-of",
    "csv=p=0",
    address,
  ]);
  assert.ok(Math.abs(Number(stdout) - length * 2) < 1, `${stdout} seconds`);
  const { streams, complaints } = await play(address);
  assert.deepEqual(streams.map(({ codec }) => codec).sort(), ["aac", "h264"]);
  assert.deepEqual(complaints, []);
  assert.ok((streams.find(({ type }) => type === "video")?.frames ?? 0) >= length * 2 * 25 - 25);
  const [picture = "none"] = await picturesOf(address, ["-ss", "15"]);
  const near = await originals(from + 13, 4);
  assert.ok(near.includes(picture), "the picture is of another time");
});

test("what a playlist says of the past leads to it", options, async () => {
  const text = await (await fetch(`${streaming.base}/playlist.m3u`)).text();
  const source = /^#EXTINF.*tvg-id="shift".*catchup-source="([^"]+)"/m.exec(text)?.[1] ?? "";
  const address = source.replace(/\$?\{(?:start|utc)\}/, String(from)).replace(/\$?\{duration\}/, "12");
  assert.doesNotMatch(address, /[{}]/);
  const watching = await watch(address);
  await until(() => watching.ended || watching.broken, "the past has no end");
  assert.deepEqual(await picturesOf(watching.bytes()), await originals(from, epoch + seconds - from));
  assert.doesNotMatch(/^#EXTINF.*tvg-id="pastless".*$/m.exec(text)?.[0] ?? "catchup", /catchup/);
});

test("what lies outside the archive is refused in a sentence, and upstream is not asked", options, async () => {
  const before = [...asked.values()].flat().length;
  for (const [path, sentence] of [
    [`up:append.ts?utc=${epoch - 3 * 86_400}`, /keeps a day, since .* is too long ago/],
    [`up:append.ts?utc=${epoch + 86_400}`, /future|yet|past/],
    [`up:pastless.ts?utc=${from}`, /past|archive|catch-up/],
  ] as const) {
    const answer = await fetch(`${streaming.base}/live/${path}`);
    assert.equal(answer.status, 404, path);
    assert.match(await answer.text(), sentence);
  }
  assert.equal([...asked.values()].flat().length, before);
  // A player of HLS may have paused for half a minute.
  for (const { id } of await streaming.streams())
    await fetch(`${streaming.base}/api/streams/${id}`, { method: "DELETE" });
  await until(() => open === 0, "archives stay open");
  await streaming.quiet();
  assert.doesNotMatch(streaming.output(), /hidden/);
});
