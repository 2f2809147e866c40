// Real pictures through a whole headend: what ffmpeg and ffprobe make of its playlists and segments.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createProgrammeReader, programmeFlags } from "../../../core/formats/keyframe.ts";
import { packetLength, parsePat, parsePmt } from "../../../core/formats/mpegts.ts";
import { type Listener, serve } from "../../../core/runtime/serve.ts";
import { type Ruled, readByRules } from "../../support/hls-rules.ts";
import {
  type ClipKind,
  countContinuityErrors,
  makeClip,
  mediaMissing,
  probe,
  runTool,
  tools,
} from "../../support/media.ts";
import { refresh, running, start, useHeadend } from "../../support/whole.ts";
import { concat } from "./pictures.ts";

/** Seconds since the Unix epoch at which the archive begins. */
const epoch = Math.floor(Date.now() / 1000) - 7200;

/** An operator: live channels, most of them in a hurry, and an archive of a clip of a minute, both by ffmpeg. */
async function openOperator(): Promise<{ base: string; readonly requests: readonly string[]; close(): Promise<void> }> {
  const requests: string[] = [];
  const send = (response: ServerResponse, args: readonly string[]) => {
    const child = spawn(
      tools?.ffmpeg ?? "",
      ["-nostdin", "-v", "error", ...args, "-c", "copy", "-f", "mpegts", "pipe:1"],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    response.writeHead(200, { "content-type": "video/mp2t" });
    child.stdout.pipe(response);
    response.on("close", () => child.kill("SIGKILL"));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    requests.push(request.url ?? "");
    const [, what, kind] = pathname.split("/");
    if (what === "list.m3u") return response.end(list());
    if (what === "live") {
      const clip = await makeClip(kind as ClipKind, { seconds: 30, gop: 50 });
      return send(response, ["-readrate", searchParams.get("rate") ?? "4", "-i", clip]);
    }
    const from = Number(searchParams.get("start")) - epoch;
    const clip = await makeClip("h264", { seconds: 60, gop: 40 });
    send(response, ["-ss", String(from), "-i", clip, "-t", String(Number(searchParams.get("end")) - epoch - from)]);
  };
  const list = () =>
    `#EXTM3U\n${["h264", "mpeg2", "hevc"].map((kind) => `#EXTINF:-1 tvg-id="${kind}",${kind}\n${base}/live/${kind}\n`).join("")}` +
    `#EXTINF:-1 tvg-id="slow",slow\n${base}/live/h264?rate=1\n#EXTINF:-1 tvg-id="past" catchup="append" catchup-days="2" catchup-source="?start={utc}&end={utcend}",past\n${base}/archive\n`;
  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    base,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const segmentsOf = (playlist: string) => playlist.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

/** The first packet that is not a table's is a key frame of the pictures. */
function beginsWithPicture(bytes: Uint8Array): boolean {
  const reader = createProgrammeReader();
  for (let at = 0; at < bytes.length; at += packetLength) {
    const flags = reader.read(bytes, at);
    if ((flags & programmeFlags.video) !== 0) return (flags & programmeFlags.randomAccess) !== 0;
  }
  return false;
}

/** Segments in order, as a player that asks again and again gets them. */
async function collect(address: string, count: number): Promise<Uint8Array[]> {
  const parts = new Map<string, Uint8Array>();
  for (let turn = 0; parts.size < count && turn < 100; turn++) {
    const response = await fetch(address);
    assert.equal(response.status, 200);
    for (const uri of segmentsOf(await response.text())) {
      const url = new URL(uri, address).href;
      if (!parts.has(url)) parts.set(url, await (await fetch(url)).bytes());
    }
    await setTimeout(100);
  }
  assert.ok(parts.size >= count);
  return [...parts.values()];
}

/** Asks for playlist after playlist, where there are parts for each as soon as it can be; none breaks a rule. */
async function followByRules(address: string, mode: "fmp4" | "ll", turns: number): Promise<void> {
  let before: Ruled | undefined;
  for (let turn = 0; turn < turns; turn++) {
    const last = before?.segments.at(-1)?.sequence ?? 0;
    const query = before && mode === "ll" ? `?_HLS_msn=${last + 1}&_HLS_part=${before.rest.length}` : "";
    const response = await fetch(address + query);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    before = readByRules(text, before);
    assert.deepEqual(before.faults, [], text);
    assert.equal(before.partTarget !== undefined, mode === "ll");
    const { map, uri } = before.segments.at(-1) ?? {};
    const file = await Promise.all([map, uri].map(async (name) => (await fetch(new URL(name ?? "", address))).bytes()));
    const { streams, complaints } = await probe(concat(file));
    assert.deepEqual(complaints, []);
    assert.deepEqual(
      streams.map(({ type }) => type),
      ["video", "audio"],
    );
    if (mode !== "ll") await setTimeout(100);
  }
}

describe("HLS of real pictures", { skip: mediaMissing }, () => {
  useHeadend();

  async function withHeadend(
    work: (base: string, requests: readonly string[]) => Promise<void>,
    more = "",
  ): Promise<void> {
    const operator = await openOperator();
    let listener: Listener | undefined;
    try {
      await start(`instances:\n  up: { use: m3u, playlist: "${operator.base}/list.m3u", linger: 0s }\n${more}`);
      await refresh();
      const { server } = running ?? assert.fail("not running");
      listener = await serve({ host: "127.0.0.1", port: 0, fetch: server.fetch });
      await work(`http://127.0.0.1:${listener.port}/live`, operator.requests);
    } finally {
      await listener?.stop(0);
      await operator.close();
    }
  }

  it("cuts H.264, MPEG-2 and H.265 into segments that decode by themselves and join without an error", async () => {
    await withHeadend(async (base, requests) => {
      await Promise.all(
        (["h264", "mpeg2", "hevc"] as const).map(async (kind) => {
          const parts = await collect(`${base}/up:${kind}.m3u8`, 4);
          for (const bytes of parts) {
            assert.ok(parsePat(bytes, 0) && parsePmt(bytes, packetLength));
            assert.ok(beginsWithPicture(bytes));
            const { streams, complaints } = await probe(bytes);
            assert.deepEqual(complaints, []);
            assert.ok(streams.some(({ type, frames }) => type === "video" && frames >= 20));
          }
          assert.equal(countContinuityErrors(concat(parts)), 0);
        }),
      );
      assert.equal(requests.filter((url) => url.startsWith("/live/")).length, 3);
    });
  });

  it("is played live by ffmpeg", async () => {
    await withHeadend(async (base) => {
      const args = ["-nostdin", "-v", "warning", "-i", `${base}/up:slow.m3u8`, "-t", "5", "-f", "null", "-"];
      const { code, stderr } = await runTool("ffmpeg", args);
      assert.deepEqual([code, stderr], [0, ""]);
    });
  });

  for (const mode of ["fmp4", "ll"] as const)
    it(`is played live by ffmpeg without a word as ${mode}, and what MP4 does not take as a transport stream`, async () => {
      await withHeadend(async (base) => {
        const play = async (kind: string) => {
          const args = ["-nostdin", "-v", "warning", "-i", `${base}/up:${kind}.m3u8`, "-t", "8", "-f", "null", "-"];
          const { code, stderr } = await runTool("ffmpeg", args);
          // Of every live playlist with a map, its own too, ffmpeg reads the map again when it is loaded again.
          const words = stderr.replace(/.*Found duplicated MOOV Atom.*\n|.*Last message repeated.*\n/g, "");
          assert.deepEqual([code, words], [0, ""], kind);
        };
        await Promise.all([play("h264"), play("hevc"), followByRules(`${base}/up:h264.m3u8`, mode, 12)]);
        const uris = segmentsOf(await (await fetch(`${base}/up:mpeg2.m3u8`)).text());
        assert.ok(uris.length > 0 && uris.every((uri) => uri.endsWith(".ts")));
      }, `  hls: { use: hls, mode: ${mode} }\n`);
    });

  it("plays a past from its beginning to its end from one upstream, and from where a player jumps to", async () => {
    await withHeadend(async (base, requests) => {
      const address = `${base}/up:past/video-${epoch + 2}-50.m3u8`;
      const whole = await probe(address);
      assert.deepEqual(whole.complaints, []);
      const frames = whole.streams.find(({ type }) => type === "video")?.frames ?? 0;
      assert.ok(Math.abs(frames - 1250) <= 60, `${frames} frames`);
      assert.equal(requests.filter((url) => url.startsWith("/archive")).length, 1);
      const jump = await runTool("ffprobe", [
        ...["-v", "error", "-read_intervals", "55%+3", "-select_streams", "v", "-show_entries", "packet=pts_time"],
        ...["-of", "csv=p=0", address],
      ]);
      const times = jump.stdout.split("\n").map(Number.parseFloat).filter(Number.isFinite);
      // Stamps begin at ten seconds.
      assert.ok(Math.min(...times) >= 50 && Math.max(...times) <= 62, jump.stdout);
      const starts = requests
        .flatMap((url) => /start=(\d+)/.exec(url)?.[1] ?? [])
        .map((start) => Number(start) - epoch);
      assert.deepEqual(starts, [2, 2, 44]);
    });
  });
});
