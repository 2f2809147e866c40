// HLS made by ffmpeg, joined and relayed by a session: every frame arrives, every counter continues.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../../../core/clock.ts";
import { parseHls } from "../../../../core/formats/hls.ts";
import { remuxToTs } from "../../../../core/transport/ffmpeg.ts";
import type { HlsSession } from "../../../../core/transport/hls/index.ts";
import {
  countContinuityErrors,
  makeClip,
  mediaFolder,
  mediaMissing,
  probe,
  runFfmpeg,
  tools,
} from "../../../support/media.ts";
import { startUpstream, type Upstream } from "../../fetch/upstream.ts";
import { advanceUntil, assertBytes, createRig, type Rig, readJoin, until } from "./rig.ts";

const seconds = 10;
const frames = seconds * 25;
const options = { skip: mediaMissing, timeout: 60_000 } as const;
const hls = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_playlist_type", "vod"];

let rig: Rig;
before(async () => {
  rig = await createRig();
});
after(() => rig.close());

const mp4 = ["-hls_segment_type", "fmp4", "-bsf:a", "aac_adtstoasc"];

/** HLS of a clip in a folder of its own, served below `/<name>/`; `args` are for ffmpeg's muxer. */
async function publish(name: string, args: readonly string[], input: readonly string[] = []): Promise<string> {
  const folder = join(mediaFolder(), `hls-${name}`);
  await mkdir(folder, { recursive: true });
  const clip = await makeClip("h264", { seconds });
  const source = input.length > 0 ? input : ["-i", clip, "-c", "copy"];
  await runFfmpeg([...source, ...hls, ...args, join(folder, "main.m3u8")]);
  for (const file of readdirSync(folder)) rig.answers.set(`/${name}/${file}`, readFileSync(join(folder, file)));
  return `${rig.url}/${name}/main.m3u8`;
}

function openSession(url: string): HlsSession {
  const silent = () => {};
  const context = {
    fetch: rig.fetch,
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    signal: new AbortController().signal,
    ffmpeg: { path: tools?.ffmpeg ?? "" },
  };
  return rig.open({ source: { kind: "hls", url }, remux: remuxToTs(context) });
}

/** Joins an archive to its end. */
async function joined(url: string) {
  const chunks: Uint8Array[] = [];
  let gaps = 0;
  const session = openSession(url);
  for await (const chunk of session.join(() => gaps++, new AbortController().signal)) chunks.push(chunk);
  await session.close();
  return { bytes: new Uint8Array(Buffer.concat(chunks)), gaps };
}

async function assertWhole(bytes: Uint8Array, video: number, codecs = ["h264", "aac"]): Promise<void> {
  assert.equal(bytes.length % 188, 0);
  assert.equal(countContinuityErrors(bytes), 0);
  const probed = await probe(bytes);
  assert.deepEqual(
    probed.streams.map(({ codec }) => codec),
    codecs,
  );
  assert.deepEqual(probed.complaints, []);
  const pictures = probed.streams.find(({ type }) => type === "video")?.frames ?? 0;
  assert.equal(pictures, video);
  for (const { frames } of probed.streams) assert.ok(frames >= video, `${frames} frames`);
}

describe("join() of HLS by ffmpeg", () => {
  it("passes transport stream segments on byte for byte", options, async () => {
    const { bytes, gaps } = await joined(await publish("ts", []));
    await assertWhole(bytes, frames);
    assert.equal(gaps, 0);
  });

  it("follows a live window", options, async () => {
    await publish("window", []);
    const text = String(rig.answers.get("/window/main.m3u8"));
    const whole = parseHls(text);
    assert.ok(whole.kind === "media" && whole.segments.length === seconds);
    let last = 3;
    rig.answers.set("/window/live.m3u8", (_, response) => {
      const first = Math.max(0, last - 4);
      const shown = whole.segments.slice(first, last + 1).map(({ uri }) => `#EXTINF:1,\n${uri}\n`);
      response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${first}\n${shown.join("")}`);
    });
    const reading = readJoin(openSession(`${rig.url}/window/live.m3u8`));
    const lengthOf = (uri: string) => (rig.answers.get(`/window/${uri}`) as Uint8Array).length;
    const due = () => whole.segments.slice(1, last + 1).reduce((sum, { uri }) => sum + lengthOf(uri), 0);
    for (; last < seconds; last++) await advanceUntil(rig.clock, () => reading.bytes.length >= due(), 10_000);
    await reading.stop();
    assertBytes(
      reading.bytes,
      new Uint8Array(
        Buffer.concat(whole.segments.slice(1).map(({ uri }) => rig.answers.get(`/window/${uri}`) as Uint8Array)),
      ),
    );
    await assertWhole(reading.bytes, frames - 25);
  });

  it("decrypts AES-128, with and without a vector", options, async () => {
    const folder = mediaFolder();
    await writeFile(
      join(folder, "hls.key"),
      new Uint8Array(16).map((_, at) => at * 7),
    );
    for (const [name, vector] of [
      ["aes", ""],
      ["aes-iv", "000102030405060708090a0b0c0d0e0f"],
    ] as const) {
      await writeFile(join(folder, `${name}.info`), `hls.key\n${join(folder, "hls.key")}\n${vector}\n`);
      rig.answers.set(`/${name}/hls.key`, readFileSync(join(folder, "hls.key")));
      const { bytes } = await joined(await publish(name, ["-hls_key_info_file", join(folder, `${name}.info`)]));
      await assertWhole(bytes, frames);
    }
  });

  it("makes a transport stream of fragmented MP4, a new one after a discontinuity", options, async () => {
    const url = await publish("fmp4", mp4);
    const plain = await joined(url);
    await assertWhole(plain.bytes, frames);
    assert.equal(plain.gaps, 0);
    await publish("other", [...mp4], ["-i", await makeClip("h264", { seconds: 4, gop: 12 }), "-c", "copy"]);
    const text = (name: string) => String(rig.answers.get(`/${name}/main.m3u8`));
    const moved = text("other")
      .replace(/^(\w+\.m4s)$/gm, "../other/$1")
      .replace('URI="', 'URI="../other/');
    const both = `${text("fmp4").replace("#EXT-X-ENDLIST\n", "")}#EXT-X-DISCONTINUITY\n${moved.slice(moved.indexOf("#EXT-X-MAP"))}`;
    rig.answers.set("/fmp4/both.m3u8", both);
    const two = await joined(`${rig.url}/fmp4/both.m3u8`);
    assert.equal(two.gaps, 1);
    assert.equal(countContinuityErrors(two.bytes), 0);
    const { streams } = await probe(two.bytes);
    assert.equal(streams[0]?.frames, frames + 100);
  });

  it("joins pictures and sound that come apart, as transport streams and as fragmented MP4", options, async () => {
    for (const [name, args] of [
      ["apart", []],
      ["apart-mp4", mp4],
    ] as const) {
      const folder = join(mediaFolder(), `hls-${name}`);
      await mkdir(folder, { recursive: true });
      await runFfmpeg([
        ...["-i", await makeClip("h264", { seconds }), "-map", "0:v", "-map", "0:a", "-c", "copy", ...hls],
        ...[...args, "-master_pl_name", "main.m3u8"],
        ...["-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes"],
        join(folder, "%v.m3u8"),
      ]);
      for (const file of readdirSync(folder)) rig.answers.set(`/${name}/${file}`, readFileSync(join(folder, file)));
      const { bytes } = await joined(`${rig.url}/${name}/main.m3u8`);
      await assertWhole(bytes, frames);
    }
  });

  it("makes a transport stream of packed audio", options, async () => {
    const folder = join(mediaFolder(), "hls-radio");
    await mkdir(folder, { recursive: true });
    const clip = await makeClip("h264", { seconds });
    const list = join(folder, "main.m3u8");
    const segments = ["-f", "segment", "-segment_format", "adts", "-segment_time", "1", "-segment_list", list];
    await runFfmpeg(["-i", clip, "-map", "0:a", "-c", "copy", ...segments, join(folder, "%d.aac")]);
    // Every segment of packed audio begins with an ID3 tag (RFC 8216 §3.4).
    const tag = new Uint8Array([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 20, ...new Uint8Array(20)]);
    for (const file of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, file));
      rig.answers.set(`/radio/${file}`, file.endsWith(".aac") ? Buffer.concat([tag, bytes]) : bytes);
    }
    const { bytes } = await joined(`${rig.url}/radio/main.m3u8`);
    assert.equal(countContinuityErrors(bytes), 0);
    const { streams, complaints } = await probe(bytes);
    assert.deepEqual(complaints, []);
    assert.equal(streams[0]?.codec, "aac");
    assert.ok((streams[0]?.frames ?? 0) > seconds * 46);
  });
});

describe("playlists and parts of a session", () => {
  let viewers: Upstream;
  let session: HlsSession;
  before(async () => {
    viewers = await startUpstream(async (request, response) => {
      const name = (request.url ?? "").slice(1);
      const playlist = name === "" || name.endsWith(".m3u8");
      if (playlist) return response.end(await session.playlist(name === "index.m3u8" ? "" : name));
      const part = await session.part(name);
      return part
        ? response.writeHead(200, { "content-type": part.type }).end(part.bytes)
        : response.writeHead(404).end();
    });
  });
  after(() => viewers.close());

  const layouts = [
    ["plain", []],
    ["single", ["-hls_flags", "single_file"]],
    ["mp4", [...mp4]],
    ["mp4-single", [...mp4, "-hls_flags", "single_file"]],
  ] as const;
  for (const [name, args] of layouts)
    it(`play like the original: ${name}`, options, async () => {
      session = openSession(await publish(`relay-${name}`, args));
      const { streams, complaints } = await probe(`${viewers.url}/index.m3u8`);
      assert.deepEqual(complaints, []);
      assert.deepEqual(
        streams.map(({ codec }) => codec),
        ["h264", "aac"],
      );
      assert.equal(streams[0]?.frames, frames);
      assert.doesNotMatch(await session.playlist(""), /relay-|http/);
    });

  it("play like the original: encrypted, with variants", options, async () => {
    const folder = mediaFolder();
    await writeFile(join(folder, "relay.key"), new Uint8Array(16).fill(3));
    await writeFile(join(folder, "relay.info"), `relay.key\n${join(folder, "relay.key")}\n`);
    rig.answers.set("/relay-aes/relay.key", readFileSync(join(folder, "relay.key")));
    const master = ["-master_pl_name", "top.m3u8", "-hls_key_info_file", join(folder, "relay.info")];
    await publish("relay-aes", master);
    session = openSession(`${rig.url}/relay-aes/top.m3u8`);
    const { streams, complaints } = await probe(`${viewers.url}/index.m3u8`);
    assert.deepEqual(complaints, []);
    assert.equal(streams.find(({ type }) => type === "video")?.frames, frames);
    await until(() => rig.count("/relay-aes/relay.key") === 1);
  });
});
