// Real pictures, made by ffmpeg, from every kind of upstream through the whole headend: as a transport stream and as HLS.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { cut, freePort, packet } from "../../core/transport/udp/sending.ts";
import { createFeed } from "../../support/feed.ts";
import {
  type ClipKind,
  makeClip,
  mediaFolder,
  mediaMissing,
  type Probed,
  readClip,
  type Sender,
  startSender,
  wholeUnits,
} from "../../support/media.ts";
import { multicastMissing } from "../../support/multicast.ts";
import { openRtspServer, transportSdp } from "../../support/rtsp.ts";
import { gstreamerMissing, openGstreamer } from "../../support/rtsp-gstreamer.ts";
import { openUpstream, type Upstream } from "../../support/upstream.ts";
import { faultsOf, openStreaming, play, type Streaming, until, watch } from "./headend.ts";
import { createSuite } from "./suite.ts";

export const kinds = createSuite();
const { after, before, test } = kinds;

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;
/** Of most clips. */
const seconds = 20;
const clipOf = (kind: ClipKind) => makeClip(kind, lengthOf(kind));
/** The one that others use, too. */
const lengthOf = (kind: ClipKind) => ({ seconds: kind === "h264" ? 60 : seconds });

const codecs: Readonly<Record<ClipKind, readonly string[]>> = {
  h264: ["aac", "h264"],
  mpeg2: ["mp2", "mpeg2video"],
  hevc: ["aac", "hevc"],
};

interface Source {
  readonly name: string;
  readonly kind: ClipKind;
  readonly skip: false | string;
  /** Begins to send; gives the address that the playlist has. */
  start(): Promise<string>;
}

const closing: (() => unknown)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

const send = (clip: string, address: string, o: Parameters<typeof startSender>[2]): Sender => {
  const sender = startSender(clip, address, { seconds: 60, ...o });
  closing.push(() => sender.stop());
  return sender;
};

let upstream: Upstream;

/** What ffmpeg writes while it is asked for. */
async function answerFile(response: ServerResponse): Promise<void> {
  const file = await readFile(join(mediaFolder(), (response.req.url ?? "").replace(/\?.*$/, ""))).catch(() => {});
  response.writeHead(file ? 200 : 404).end(file);
}

const overHttp = (kind: ClipKind): Source => ({
  name: `${kind} over HTTP`,
  kind,
  skip: false,
  async start() {
    upstream.answers.set(`/live/${kind}`, createFeed(await readClip(kind, lengthOf(kind)), lengthOf(kind)).answer);
    return `${upstream.base}/live/${kind}`;
  },
});

/** The address as the sender writes it, and as a playlist does. */
const byDatagrams = (name: string, kind: ClipKind, format: string, to: string, read: string): Source => ({
  name,
  kind,
  skip: name.endsWith("multicast") && multicastMissing,
  async start() {
    const port = await freePort();
    send(await clipOf(kind), to.replace("PORT", String(port)), { format });
    return read.replace("PORT", String(port));
  },
});

/** HLS that ffmpeg writes while it is played. */
const asHls = (name: string, args: readonly string[], o: { key?: boolean; first?: string } = {}): Source => ({
  name: `HLS ${name}`,
  kind: "h264",
  skip: false,
  async start() {
    const id = name.replaceAll(/\W+/g, "-");
    const folder = join(mediaFolder(), "hls");
    await mkdir(folder, { recursive: true });
    const keyed = o.key ? ["-hls_key_info_file", join(folder, "key.info")] : [];
    if (o.key) {
      await writeFile(
        join(folder, "key"),
        Uint8Array.from({ length: 16 }, (_, at) => at * 7),
      );
      await writeFile(join(folder, "key.info"), `key\n${join(folder, "key")}\n`);
    }
    const live = ["-hls_time", "1", "-hls_list_size", "30", "-hls_flags", "temp_file"];
    // ffmpeg 5 cannot begin a clip again while it makes MP4 of it.
    send(await clipOf("h264"), join(folder, `${id}${o.first ? "-%v" : ""}.m3u8`), {
      format: "hls",
      args: [...live, ...keyed, ...args.map((word) => word.replace("ID", id))],
    });
    const first = `${upstream.base}/hls/${(o.first ?? "ID.m3u8").replace("ID", id)}`;
    await until(async () => (await fetch(first)).ok, `${first} does not come`);
    return first;
  },
});

const sources: readonly Source[] = [
  overHttp("h264"),
  overHttp("mpeg2"),
  overHttp("hevc"),
  byDatagrams("UDP unicast", "h264", "mpegts", "udp://127.0.0.1:PORT?pkt_size=1316", "udp://127.0.0.1:PORT"),
  byDatagrams(
    "UDP multicast",
    "mpeg2",
    "mpegts",
    "udp://239.255.77.21:PORT?pkt_size=1316&localaddr=127.0.0.1&ttl=0",
    "udp://@239.255.77.21:PORT",
  ),
  byDatagrams(
    "RTP multicast",
    "hevc",
    "rtp_mpegts",
    "rtp://239.255.77.22:PORT?pkt_size=1328&localaddr=127.0.0.1&ttl=0",
    "rtp://@239.255.77.22:PORT",
  ),
  {
    name: "RTSP",
    kind: "h264",
    skip: false,
    async start() {
      const server = await openRtspServer({ sdp: transportSdp });
      const pieces = cut(await readClip("h264", lengthOf("h264")));
      const begun = performance.now();
      let at = 0;
      const timer = setInterval(() => {
        const due = Math.floor(((performance.now() - begun) / 1000 / lengthOf("h264").seconds) * pieces.length);
        server.send(pieces.slice(at, due).map((payload, index) => packet((at + index) & 0xffff, payload)));
        at = due;
      }, 20);
      closing.push(() => {
        clearInterval(timer);
        return server.close();
      });
      return server.url;
    },
  },
  {
    name: "RTSP by GStreamer",
    kind: "h264",
    skip: gstreamerMissing,
    async start() {
      const clip = await clipOf("h264");
      const launch = `( filesrc location=${clip} ! tsparse set-timestamps=true ! rtpmp2tpay name=pay0 pt=33 )`;
      const server = await openGstreamer(launch, { carrier: "tcp" });
      closing.push(() => server.close());
      return `rtsp://${server.place}`;
    },
  },
  asHls("transport stream", []),
  asHls("AES-128", [], { key: true }),
  asHls("fragmented MP4", [
    "-hls_segment_type",
    "fmp4",
    "-hls_fmp4_init_filename",
    "ID.mp4",
    "-bsf:a",
    "aac_adtstoasc",
  ]),
  asHls(
    "master with audio renditions",
    ["-master_pl_name", "ID.m3u8", "-var_stream_map", "a:0,agroup:s,default:yes v:0,agroup:s"],
    {
      first: "ID.m3u8",
    },
  ),
];

/** What ffmpeg says of its own fragmented MP4, too, without us. */
const quirks = /Found duplicated MOOV Atom/;

interface Played {
  readonly bytes: Uint8Array;
  readonly asStream: Probed;
  readonly asHls: Probed;
}

let streaming: Streaming;
/** Everything is sent and played at once: each takes seconds of its own time. */
const plays = new Map<string, Promise<Played>>();

before(async () => {
  upstream = await openUpstream({ "/hls/": (response) => void answerFile(response) });
  closing.push(() => upstream.close());
  const used = sources.filter(({ skip }) => !skip);
  const entries = await Promise.all(
    used.map(async (source, index) => `#EXTINF:-1 tvg-id="c${index}",${source.name}\n${await source.start()}\n`),
  );
  upstream.answers.set("/list.m3u", `#EXTM3U\n${entries.join("")}`);
  const up = `{ use: m3u, playlist: "${upstream.base}/list.m3u", interface: 127.0.0.1, linger: 1s, stall: 10s }`;
  const hls = "{ use: hls, segment: 1s, window: 30, idle: 1s }";
  streaming = await openStreaming(`streams:\n  slate: 0s\ninstances:\n  up: ${up}\n  hls: ${hls}\n`, used.length);
  closing.push(() => streaming.close());
  for (const [index, { name, kind }] of used.entries()) {
    const playing = playOne(`${streaming.base}/live/up:c${index}`, kind);
    playing.catch(() => {});
    plays.set(name, playing);
  }
});

async function playOne(address: string, kind: ClipKind): Promise<Played> {
  const clip = await readClip(kind, lengthOf(kind));
  const [[bytes, asStream], asHls] = await Promise.all([
    (async () => {
      const viewer = await watch(`${address}.ts`);
      if (viewer.status !== 200) await until(() => viewer.ended, "a refusal has no end");
      assert.equal(viewer.status, 200, new TextDecoder().decode(viewer.bytes()));
      await viewer.more(Math.ceil((clip.length / lengthOf(kind).seconds) * 3));
      await viewer.close();
      const bytes = viewer.bytes();
      return [bytes, await play(wholeUnits(bytes))] as const;
    })(),
    // Of two renditions the first may begin seconds before the other.
    play(`${address}.m3u8`, 4),
  ]);
  return { bytes, asStream, asHls };
}

for (const { name, kind, skip } of sources)
  test(`${name} is played without a fault, as a transport stream and as HLS`, {
    skip: mediaMissing || skip,
    timeout,
  }, async () => {
    const played = await plays.get(name);
    assert.ok(played);
    assert.deepEqual(faultsOf(played.bytes), []);
    for (const [form, { streams, complaints }] of Object.entries({ stream: played.asStream, hls: played.asHls })) {
      assert.deepEqual(streams.map(({ codec }) => codec).sort(), codecs[kind], form);
      for (const { codec, frames } of streams) assert.ok(frames >= 40, `${form}: ${frames} frames of ${codec}`);
      assert.deepEqual(
        complaints.filter((line) => !quirks.test(line)),
        [],
        form,
      );
    }
  });

test("nothing is left open when nobody watches any more", { skip: mediaMissing, timeout }, async () => {
  await streaming.quiet();
});
