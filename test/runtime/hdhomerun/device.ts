// A whole headend with a virtual HDHomeRun device of two tuners, real pictures behind it, and what its clients ask it.
import assert from "node:assert/strict";
import { freePort } from "../../core/transport/udp/sending.ts";
import { createFeed, type Feed } from "../../support/feed.ts";
import { mediaMissing, readClip } from "../../support/media.ts";
import { openUpstream, type Upstream } from "../../support/upstream.ts";
import { openStreaming, type Streaming, until } from "../streams/headend.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
export const options = { skip: mediaMissing, timeout: 60_000 } as const;
const seconds = 30;
const names = ["one", "two", "three", "four"] as const;
/** Channels of an operator who lets nobody watch two at once. */
const strict = ["lone", "sole"] as const;

export interface DeviceRig {
  /** The device's own address. */
  readonly base: string;
  /** Where it is searched, in place of 65001 and 1900. */
  readonly ports: { readonly hdhomerun: number; readonly ssdp: number };
  readonly streaming: Streaming;
  readonly upstream: Upstream;
  readonly feeds: ReadonlyMap<string, Feed>;
  feedOf(name: string): Feed;
  close(): Promise<void>;
}

export async function openDevice(): Promise<DeviceRig> {
  const feeds = new Map<string, Feed>();
  const ports = { hdhomerun: await freePort(), ssdp: await freePort() };
  const clip = await readClip("h264", { seconds, gop: 25, bitrate: 1_000_000 });
  const upstream = await openUpstream();
  const entriesOf = (list: readonly string[]) =>
    list.map((name) => {
      const feed = createFeed(clip, { seconds });
      feeds.set(name, feed);
      upstream.answers.set(`/${name}`, feed.answer);
      return `#EXTINF:-1 tvg-id="${name}" group-title="${name === "four" ? "Late" : "Early"}",${name}\n${upstream.base}/${name}\n`;
    });
  upstream.answers.set("/list.m3u", `#EXTM3U\n${entriesOf(names).join("")}`);
  upstream.answers.set("/strict.m3u", `#EXTM3U\n${entriesOf(strict).join("")}`);
  const time = (at: number) => `${new Date(at).toISOString().replace(/\D/g, "").slice(0, 14)} +0000`;
  const now = Date.now();
  const programmes = names.flatMap((name) =>
    [0, 1, 2].map(
      (hour) =>
        `<programme start="${time(now + hour * 3_600_000)}" stop="${time(now + (hour + 1) * 3_600_000)}" channel="${name}"><title>${name} ${hour}</title></programme>\n`,
    ),
  );
  upstream.answers.set(
    "/epg.xml",
    `<tv>${names.map((name) => `<channel id="${name}"><display-name>${name}</display-name></channel>`).join("")}\n${programmes.join("")}</tv>`,
  );
  const streaming = await openStreaming(
    `streams:
  slate: 0s
instances:
  up: { use: m3u, playlist: "${upstream.base}/list.m3u", guides: ["${upstream.base}/epg.xml"], linger: 300ms, stall: 10s }
  strict: { use: m3u, playlist: "${upstream.base}/strict.m3u", tuners: 1, linger: 0s, stall: 10s, numbers: 51-59 }
  tuner:
    use: hdhomerun
    port: 0
    tuners: 2
    name: Den & attic
    exclude: [{ group: Late }]
    discovery: { interfaces: [127.0.0.1], ports: { hdhomerun: ${ports.hdhomerun}, ssdp: ${ports.ssdp} } }
`,
    names.length + strict.length,
  );
  await until(() => /is at http:/.test(streaming.output()), "the device has no port");
  return {
    base: `http://127.0.0.1:${/is at http:\/\/[^:]+:(\d+)/.exec(streaming.output())?.[1]}`,
    ...{ ports, streaming, upstream, feeds },
    feedOf: (name) => feeds.get(name) ?? assert.fail(name),
    async close() {
      await streaming.close();
      await upstream.close();
    },
  };
}

/** A JSON document. */
export async function ask<Answer>(url: string): Promise<Answer> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  return (await response.json()) as Answer;
}

/** Status and what the device says in its own words. */
export const errorOf = (response: { readonly status: number; readonly headers: Headers }): string =>
  `${response.status} ${response.headers.get("x-hdhomerun-error")}`;
