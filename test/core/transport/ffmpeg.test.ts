// Pictures that only ffmpeg can fetch or repack come out as a transport stream that decodes, with nothing transcoded or lost.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { pidOf, readStamps } from "../../../core/formats/mpegts.ts";
import { remuxToTs } from "../../../core/transport/ffmpeg.ts";
import { until } from "../../support/host.ts";
import {
  convertClip,
  countContinuityErrors,
  makeClip,
  mediaFolder,
  mediaMissing,
  probe,
  startSender,
} from "../../support/media.ts";
import { type Dialling, openDialling, openWeb, programsWith, readBytes, transport, type Web } from "./dialing.ts";

describe("through ffmpeg", { skip: mediaMissing }, () => {
  let web: Web;
  let given: Dialling;
  before(async () => {
    given = await openDialling();
    // Serves the media folder, with ranges, as any web server would.
    web = await openWeb(async (request, response) => {
      const bytes = await readFile(join(mediaFolder(), basename(request.url ?? ""))).catch(() => undefined);
      if (!bytes) return response.writeHead(404).end();
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(request.headers.range ? 206 : 200, {
        "accept-ranges": "bytes",
        "content-length": bytes.length - from,
        "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      });
      response.end(bytes.subarray(from));
    });
  });
  after(async () => {
    await given?.close();
    await web?.close();
  });

  const containers: readonly (readonly [name: string, args: readonly string[], codecs: string])[] = [
    ["flat.mp4", ["-movflags", "+faststart"], "h264 50, aac"],
    ["late.mp4", [], "h264 50, aac"],
    ["parts.mp4", ["-movflags", "+frag_keyframe+empty_moov"], "h264 50, aac"],
    ["a.flv", [], "h264 50, aac"],
    ["a.mkv", [], "h264 50, aac"],
    ["a.mp3", ["-vn", "-c:a", "libmp3lame"], "mp3"],
    ["a.aac", ["-vn"], "aac"],
    ["a.ogg", ["-vn", "-c:a", "libopus"], "opus"],
    ["a.mpd", ["-f", "dash"], "h264 50, aac"],
  ];
  for (const [name, args, codecs] of containers)
    test(`dial() makes a transport stream of ${name}`, { timeout: 60_000 }, async () => {
      await convertClip(await makeBoxes(), name, args);
      const source = transport(await given.dial(`${web.base}/${name}`));
      assert.equal(source.how, "ffmpeg");
      assert.equal(source.patient, true, "reading slowly loses nothing of an archive");
      const bytes = await readBytes(source);
      assert.equal(countContinuityErrors(bytes), 0);
      const { format, streams, complaints } = await probe(bytes);
      assert.equal(format, "mpegts");
      assert.deepEqual(complaints, []);
      assert.equal(
        streams.map((each) => (each.type === "video" ? `${each.codec} ${each.frames}` : each.codec)).join(", "),
        codecs,
      );
      assert.ok(streams.every((each) => each.frames > 40));
    });

  test("dial() refuses codecs that no transport stream carries, and names them", { timeout: 60_000 }, async () => {
    await convertClip(await makeClip("h264", { seconds: 2 }), "a.webm", [
      "-c:v",
      "libvpx",
      "-deadline",
      "realtime",
      "-c:a",
      "libvorbis",
    ]);
    await assert.rejects(given.dial(`${web.base}/a.webm`), {
      code: "dial.content",
      message: /codec vp8 cannot be carried/,
    });
    await gone("pipe:0");
  });

  test("what ffmpeg fetches by itself may not lead to files of this machine", { timeout: 60_000 }, async () => {
    const boxes = readFileSync(await makeBoxes());
    const clip = await makeClip("h264", { seconds: 2 });
    // First something that must be jumped in; once ffmpeg asks for it by itself, a playlist.
    const leads = (to: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${to}\n#EXT-X-ENDLIST\n`;
    const evil = await openWeb((request, response) => {
      const name = request.url ?? "";
      if (name === "/clip.ts") return response.end(readFileSync(clip));
      const first = evil.requests.filter(({ url }) => url === name).length === 1;
      response.end(first ? boxes : leads(name === "/good.m3u8" ? `${evil.base}/clip.ts` : `file://${clip}`));
    });
    try {
      assert.ok((await readBytes(await given.dial(`${evil.base}/good.m3u8`))).length > 0);
      await assert.rejects(given.dial(`${evil.base}/evil.m3u8`), { code: "dial.ffmpeg" });
    } finally {
      await evil.close();
    }
  });

  test("a presentation is asked for with the channel's headers", { timeout: 60_000 }, async () => {
    const headers = { "User-Agent": "Player/1", Referer: "http://portal.example/", Authorization: "Bearer abc" };
    const from = web.requests.length;
    await convertClip(await makeBoxes(), "a.mpd", ["-f", "dash"]);
    await readBytes(await given.dial(`${web.base}/a.mpd`, { headers }));
    const asked = web.requests.slice(from);
    assert.ok(asked.length > 3);
    for (const { headers: sent } of asked)
      assert.deepEqual([sent["user-agent"], sent.referer, sent.authorization], Object.values(headers));
  });

  const live: readonly (readonly [
    string,
    (port: number) => readonly [sender: string, format: string, address: string],
  ])[] = [
    ["rtmp", (port) => [`rtmp://127.0.0.1:${port}/live/key`, "flv", `rtmp://127.0.0.1:${port}/live/key live=1`]],
    [
      "rtmp with an account",
      (port) => [`rtmp://127.0.0.1:${port}/live/key`, "flv", `rtmp://joe:geheim@127.0.0.1:${port}/live/key`],
    ],
    ["srt", (port) => [`srt://127.0.0.1:${port}?mode=listener`, "mpegts", `srt://127.0.0.1:${port}`]],
    [
      "srt with a passphrase",
      (port) => [
        `srt://127.0.0.1:${port}?mode=listener&passphrase=sehrgeheim!`,
        "mpegts",
        `srt://127.0.0.1:${port}?passphrase=sehrgeheim!`,
      ],
    ],
  ];
  for (const [what, addresses] of live)
    test(`dial() opens ${what}, keeps its secrets from the list of processes, and leaves no process`, {
      timeout: 60_000,
    }, async () => {
      const port = await freePort();
      const [target, format, address] = addresses(port);
      const clip = await makeClip("h264", { seconds: 2 });
      const sender = startSender(clip, target, { format, args: format === "flv" ? ["-listen", "1"] : [], seconds: 20 });
      try {
        const source = await dialWhenReady(given, address);
        const commands = programsWith("pipe:1");
        assert.ok(commands.length > 0 || process.platform !== "linux");
        for (const { command } of commands) assert.doesNotMatch(command, /geheim/);
        const bytes = await readBytes(source, 80_000);
        assert.equal(countContinuityErrors(bytes), 0);
        const { streams } = await probe(bytes);
        assert.deepEqual(
          streams.map(({ codec }) => codec),
          ["h264", "aac"],
        );
        assert.equal(source.kind === "ts" && source.patient, undefined);
        await gone("pipe:1");
      } finally {
        await sender.stop();
      }
    });

  test("dial() opens mms, over HTTP", { timeout: 60_000 }, async () => {
    // What this format writes is framed as servers of MMS over HTTP send it.
    const args = ["-c:a", "libmp3lame", "-f", "asf_stream"];
    const framed = readFileSync(await convertClip(await makeClip("h264", { seconds: 2 }), "a.asf", args));
    const server = await openWeb((_, response) =>
      response.writeHead(200, { "content-type": "application/x-mms-framed" }).end(framed),
    );
    try {
      const bytes = await readBytes(await given.dial(server.base.replace("http:", "mms:")));
      assert.equal(countContinuityErrors(bytes), 0);
      const { streams } = await probe(bytes);
      assert.deepEqual(
        streams.map(({ codec, frames }) => `${codec} ${frames > 45}`),
        ["h264 true", "mp3 true"],
      );
    } finally {
      await server.close();
    }
  });

  test("remuxToTs() joins pictures and sound that come apart, and keeps their times", { timeout: 60_000 }, async () => {
    const clip = await makeBoxes();
    const flags = ["-movflags", "+frag_keyframe+delay_moov+default_base_moof"];
    const fragments = [...flags, "-copyts", "-avoid_negative_ts", "disabled"];
    const picture = await convertClip(clip, "picture.mp4", ["-an", ...fragments, "-output_ts_offset", "100"]);
    const sound = await convertClip(clip, "sound.mp4", ["-vn", ...fragments, "-output_ts_offset", "101"]);
    const inputs = [picture, sound].map((path) => pieces(readFileSync(path)));
    const source = remuxToTs(given.context)(inputs, new AbortController().signal);
    assert.equal(source.patient, true);
    const bytes = await readBytes(source);
    assert.equal(countContinuityErrors(bytes), 0);
    const { streams } = await probe(bytes);
    assert.deepEqual(
      streams.map(({ codec, frames }) => `${codec} ${frames > 45}`),
      ["h264 true", "aac true"],
    );
    const begins = new Map<number, number>();
    for (let at = 0; at < bytes.length; at += 188) {
      const stamps = readStamps(bytes, at);
      if (stamps && !begins.has(pidOf(bytes, at))) begins.set(pidOf(bytes, at), stamps.pts / 90_000);
    }
    const [first = 0, second = 0] = [...begins.values()].sort((one, other) => one - other);
    assert.ok(Math.abs(first - 100) < 2 && Math.abs(second - first - 1) < 0.1, `they begin at ${first} and ${second}`);
  });

  test("remuxToTs() passes on what fails in its input, and closes the others", { timeout: 60_000 }, async () => {
    const clip = await convertClip(await makeBoxes(), "whole.mp4", ["-movflags", "+frag_keyframe+empty_moov"]);
    let closed = 0;
    const why = new Error("the segment is gone");
    async function* failing() {
      yield* pieces(readFileSync(clip));
      throw why;
    }
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(readFileSync(clip));
      } finally {
        closed++;
      }
    }
    const source = remuxToTs(given.context)([failing(), endless()], new AbortController().signal);
    await assert.rejects(readBytes(source), why);
    assert.equal(closed, 1);
    await gone("pipe:3");
  });

  test("nothing is read from upstream while nobody reads", { timeout: 60_000 }, async () => {
    const sound = readFileSync(await convertClip(await makeClip("h264", { seconds: 4 }), "long.aac", ["-vn"]));
    let sent = 0;
    const endless = await openWeb((_, response) => {
      const send = () => {
        while (!response.destroyed) {
          sent += sound.length;
          if (!response.write(sound)) return;
        }
      };
      response.on("drain", send).on("error", () => {});
      send();
    });
    try {
      const source = await given.dial(`${endless.base}/radio`);
      let [before, still] = [0, 0];
      await until(() => {
        still = sent === before ? still + 1 : 0;
        before = sent;
        return still > 100;
      }, "upstream is held back");
      assert.ok(sent < 64e6, `${sent} bytes were sent`);
      await readBytes(source, sent * 2);
      await gone("pipe:1");
    } finally {
      await endless.close();
    }
  });
});

/** Two seconds in MP4, which other containers are made of without ado. */
async function makeBoxes(): Promise<string> {
  return await convertClip(await makeClip("h264", { seconds: 2 }), "boxes.mp4");
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

/** Our programs of that kind have ended, and nobody has left a zombie. */
async function gone(argument: string): Promise<void> {
  await until(() => programsWith(argument).length === 0, `no ffmpeg with ${argument} is left`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

/** Senders take a moment until they listen. */
async function dialWhenReady({ dial }: Dialling, address: string) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await dial(address);
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
