// Upstreams of a whole headend that fail: the viewer goes on from another, sees a slate, or is told what is wrong.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createFeed, type Feed } from "../../support/feed.ts";
import { convertClip, makeClip, mediaMissing, readClip, wholeUnits } from "../../support/media.ts";
import { openUpstream, type Upstream } from "../../support/upstream.ts";
import { faultsOf, openStreaming, play, type Streaming, until, type Watching, watch } from "./headend.ts";
import { createSuite } from "./suite.ts";

export const upstreams = createSuite();
const { after, before, test, together } = upstreams;

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const options = { skip: mediaMissing, timeout: 60_000 } as const;
const seconds = 60;

let streaming: Streaming;
let upstream: Upstream;
let clip: Uint8Array;
const feeds: Record<string, Feed> = {};
const feedOf = (name: string): Feed => feeds[name] ?? assert.fail(name);
const address = (channel: string, extension = "ts") => `${streaming.base}/live/${channel}.${extension}`;

/** Channels that two instances have: when the first one's fails, the second one's takes over. */
const doubled = ["ends", "resets", "stalls", "vanishes", "returns"] as const;

/** What an upstream does instead of sending a stream, and what the viewer is told. */
const refusals: Readonly<
  Record<string, readonly [answer: (response: ServerResponse) => void, status: number, sentence: RegExp]>
> = {
  forbidden: [(response) => response.writeHead(403).end("no"), 502, /answered 403/],
  missing: [(response) => response.writeHead(404).end("no"), 502, /answered 404/],
  busy: [(response) => response.writeHead(503).end("no"), 502, /answered 503/],
  page: [
    (response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><html>log in</html>"),
    502,
    /a web page came instead of a stream/,
  ],
  empty: [(response) => response.writeHead(200).end(), 502, /the answer is empty/],
  endless: [(response) => response.writeHead(302, { location: "/endless" }).end(), 502, /more than \d+ redirects/],
  garbage: [(response) => response.writeHead(200).end(randomBytes(2 ** 20)), 502, /ffmpeg failed: \S/],
  torn: [(response) => response.socket?.resetAndDestroy(), 502, /connection/],
};

before(async () => {
  clip = await readClip("h264", { seconds });
  upstream = await openUpstream();
  const serve = (name: string, bytes: Uint8Array) => {
    feeds[name] = createFeed(bytes, { seconds: (seconds * bytes.length) / clip.length, rate: 2 });
    upstream.answers.set(`/${name}`, feedOf(name).answer);
  };
  for (const name of doubled) for (const instance of ["a", "b"]) serve(`${instance}-${name}`, clip);
  const args = [
    "-mpegts_start_pid",
    "0x300",
    "-mpegts_pmt_start_pid",
    "0x1200",
    "-streamid",
    "0:0x301",
    "-streamid",
    "1:0x302",
  ];
  const other = await readFile(await convertClip(await makeClip("mpeg2", { seconds: 20 }), "other.ts", args));
  serve("changes", Buffer.concat([clip.subarray(0, 188 * 1500), other, other, other]));
  const noise = (length: number) => new Uint8Array(length).fill(0x55);
  serve("shifted", Buffer.concat([noise(57), clip.subarray(0, 188 * 700), noise(1000), clip.subarray(188 * 700)]));
  for (const [name, [answer]] of Object.entries(refusals)) upstream.answers.set(`/${name}`, answer);
  const entry = (name: string, url: string) => `#EXTINF:-1 tvg-id="${name}",${name}\n${url}?key=hidden\n`;
  const list = (instance: string, names: readonly string[], prefix = "") => {
    const entries = names.map((name) => entry(name, `${upstream.base}/${prefix}${name}`));
    if (instance === "up") entries.push(entry("refused", "http://127.0.0.1:9/"));
    upstream.answers.set(`/${instance}.m3u`, `#EXTM3U\n${entries.join("")}`);
    return `use: m3u, playlist: "${upstream.base}/${instance}.m3u", linger: 200ms`;
  };
  streaming = await openStreaming(
    `streams:
  slate: 4s
lineup: { duplicates: alternates }
instances:
  a: { ${list("a", doubled, "a-")}, stall: 3s }
  b: { ${list("b", doubled, "b-")}, stall: 3s }
  up: { ${list("up", ["changes", "shifted", "silent", ...Object.keys(refusals)])}, stall: 10s }
`,
    17,
  );
});
after(async () => {
  await streaming?.close();
  await upstream?.close();
});

const codecsOf = async (viewer: Watching) =>
  (await play(wholeUnits(viewer.bytes()))).streams.map(({ codec }) => codec).sort();

const failures: Readonly<Record<string, (feed: Feed) => void>> = {
  ends: (feed) => feed.end(),
  resets: (feed) => feed.reset(),
  stalls: (feed) => feed.hold(),
};

/** A picture and a sound that were cut off, and a time that begins again: what decoders say is theirs. */
const atTheCut = /^\[(?!mpegts )|out of order|PES packet size mismatch|Packet corrupt/;

together(options, {
  "an upstream that ends, resets or stalls in the middle is followed by the other; the picture goes on": async () => {
    const goesOn = async (name: string, fail: (feed: Feed) => void) => {
      const viewers = await Promise.all([watch(address(`a:${name}`)), watch(address(`a:${name}`))]);
      await viewers[0].more(200_000);
      fail(feedOf(`a-${name}`));
      // What was on its way may still come for a while.
      const [from, to] = [feedOf(`a-${name}`), feedOf(`b-${name}`)];
      await until(() => from.open === 0 && to.open === 1, `${name}: nobody goes over to the other`);
      await viewers[0].more(300_000);
      assert.deepEqual([from.open, to.open], [0, 1], name);
      for (const viewer of viewers) {
        await viewer.close();
        assert.deepEqual(faultsOf(viewer.bytes()), [], name);
      }
      const { streams, complaints } = await play(wholeUnits(viewers[0].bytes()));
      for (const { codec, frames } of streams) assert.ok(frames > 90, `${name}: ${frames} frames of ${codec}`);
      assert.deepEqual(
        complaints.filter((line) => !atTheCut.test(line)),
        [],
        name,
      );
      assert.match(streaming.output(), new RegExp(`${name}: .*; trying`));
    };
    await Promise.all(Object.entries(failures).map(([name, fail]) => goesOn(name, fail)));
  },
  "a channel whose upstreams are all gone shows a slate for its time, and then ends": async () => {
    const viewer = await watch(address("a:vanishes"));
    await viewer.more(100_000);
    const [a, b] = [feedOf("a-vanishes"), feedOf("b-vanishes")];
    for (const feed of [a, b]) feed.refusing = true;
    a.reset();
    const before = viewer.length;
    const begun = performance.now();
    await until(() => viewer.ended || viewer.broken, "the slate has no end");
    assert.ok(performance.now() - begun > 1500, "no time for a slate");
    assert.equal(viewer.ended, true);
    const bytes = viewer.bytes();
    assert.ok(bytes.length > before + 30_000, `a slate of ${bytes.length - before} bytes`);
    assert.deepEqual(faultsOf(bytes), []);
    const { streams } = await play(wholeUnits(bytes));
    assert.ok(streams.some(({ type, frames }) => type === "video" && frames > 40));
  },
  "an upstream that works again takes its channel back from the slate": async () => {
    const viewer = await watch(address("a:returns"));
    await viewer.more(50_000);
    const [a, b] = [feedOf("a-returns"), feedOf("b-returns")];
    for (const feed of [a, b]) feed.refusing = true;
    a.end();
    await viewer.more(30_000);
    for (const feed of [a, b]) feed.refusing = false;
    await until(() => a.open + b.open === 1, "upstream is not asked again");
    await viewer.more(200_000);
    assert.equal(viewer.ended || viewer.broken, false);
    await viewer.close();
    assert.deepEqual(faultsOf(viewer.bytes()), []);
  },
  "an upstream that changes its codecs and PIDs in the middle goes on for who watches and for who comes": async () => {
    const viewer = await watch(address("up:changes"));
    await viewer.more(500_000);
    const late = await watch(address("up:changes"));
    await late.more(100_000);
    for (const each of [viewer, late]) await each.close();
    assert.deepEqual(await codecsOf(late), ["mp2", "mpeg2video"]);
    const bytes = viewer.bytes();
    assert.equal(bytes.length % 188, 0);
    for (let at = 0; at < bytes.length; at += 188) assert.equal(bytes[at], 0x47);
    assert.equal(feedOf("changes").came, 1);
  },
  "packets are found again behind bytes that are none": async () => {
    const viewer = await watch(address("up:shifted"));
    await viewer.more(300_000);
    await viewer.close();
    const bytes = viewer.bytes();
    for (let at = 0; at < bytes.length; at += 188) assert.equal(bytes[at], 0x47, `byte ${at}`);
    assert.deepEqual(await codecsOf(viewer), ["aac", "h264"]);
    assert.equal(feedOf("shifted").came, 1);
  },
});

for (const [name, [, status, sentence]] of [
  ...Object.entries(refusals),
  ["refused", [undefined, 502, /refused/]] as const,
])
  test(`an upstream that is ${name} costs the viewer a sentence, and the log has it`, options, async () => {
    for (const extension of ["ts", "m3u8"]) {
      const answer = await fetch(address(`up:${name}`, extension));
      const text = await answer.text();
      assert.equal(answer.status, status, text);
      assert.match(text, sentence);
      assert.ok(answer.headers.get("x-hdhomerun-error"));
    }
    assert.match(streaming.output(), sentence);
  });

test("a viewer who leaves while upstream does not answer leaves nothing behind", options, async () => {
  let open = 0;
  upstream.answers.set("/silent", (response) => {
    open++;
    response.on("close", () => open--);
  });
  const control = new AbortController();
  const asking = fetch(address("up:silent"), { signal: control.signal }).catch(() => undefined);
  await until(() => open === 1, "upstream is not asked");
  control.abort();
  await asking;
  await until(() => open === 0, "upstream stays open");
  await streaming.quiet();
  assert.ok((await streaming.metric("headend_failovers_total")) >= 4);
  assert.ok((await streaming.metric("headend_stalls_total")) >= 1);
  assert.doesNotMatch(streaming.output(), /hidden/);
});
