// Upstream's own HLS through a whole headend: playlists with our names, every part fetched once, nothing else of upstream's.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { get, refresh, running, start, useHeadend } from "../../support/whole.ts";
import { concat, makePictures } from "./pictures.ts";

const segment = concat(makePictures({ count: 50 }));
const media = (more: string) =>
  `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n${[7, 8, 9].map((n) => `#EXTINF:2,\nseg/${n}.ts?token=geheim\n`).join("")}${more}`;

async function openOperator(): Promise<{ base: string; requests: string[]; close(): Promise<void> }> {
  const requests: string[] = [];
  const answers: Record<string, string | Uint8Array> = {
    "/master.m3u8":
      '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="it",DEFAULT=YES,URI="sound/it.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO="a"\nlow/i.m3u8?token=geheim\n',
    "/low/i.m3u8": media(""),
    "/sound/it.m3u8": media(""),
    "/plain.m3u8": media(""),
    "/past.m3u8": media("#EXT-X-ENDLIST\n"),
  };
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    requests.push(path);
    if (path === "/list.m3u")
      return response.end(
        `#EXTM3U\n#EXTINF:-1 tvg-id="plain",plain\n${base}/plain.m3u8\n#EXTINF:-1 tvg-id="multi" catchup="default" catchup-days="2" catchup-source="${base}/past.m3u8?at={utc}",multi\n${base}/master.m3u8\n`,
      );
    const answer = answers[path] ?? (/\/seg\/\d\.ts$/.test(path) ? segment : undefined);
    response.writeHead(answer ? 200 : 404, {
      "content-type": path.endsWith(".ts") ? "video/mp2t" : "application/x-mpegurl",
    });
    response.end(answer);
  });
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

/** Asks as a player does: by addresses relative to the one they stand in, redirects followed. */
async function fetchAt(address: string): Promise<{ url: string; response: Response }> {
  const response = await get(address.replace("http://tv.example:8888", ""));
  const location = response.headers.get("location");
  return location === null ? { url: address, response } : await fetchAt(new URL(location, address).href);
}

/** Ends every stream by hand. */
async function endStreams(): Promise<void> {
  const { streams } = (await (await get("/api/streams")).json()) as { streams: { id: string }[] };
  assert.ok(streams.length > 0);
  for (const { id } of streams) {
    const request = new Request(`http://tv.lan:8888/api/streams/${id}`, { method: "DELETE" });
    const response = await running?.server.fetch(request, { address: "127.0.0.1" });
    assert.ok(response?.ok);
  }
}

const uris = (playlist: string) => playlist.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

describe("upstream's own HLS", () => {
  useHeadend();

  async function withHeadend(work: (requests: string[]) => Promise<void>, more = ""): Promise<void> {
    const operator = await openOperator();
    try {
      await start(`instances:\n  up: { use: m3u, playlist: "${operator.base}/list.m3u", linger: 0s${more} }\n`);
      await refresh();
      await work(operator.requests);
    } finally {
      await running?.close();
      await operator.close();
    }
  }

  /** Follows a playlist down to its first segment. */
  async function follow(address: string): Promise<{ readonly playlists: string[]; readonly bytes: Uint8Array }> {
    const playlists: string[] = [];
    for (let at = address; ; ) {
      const { url, response } = await fetchAt(at);
      assert.equal(response.status, 200, url);
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      if (!response.headers.get("content-type")?.includes("mpegurl"))
        return { playlists, bytes: await response.bytes() };
      const text = await response.text();
      assert.ok(!/geheim|127\.0\.0\.1/.test(text), text);
      playlists.push(text);
      at = new URL(uris(text)[0] ?? "", url).href;
    }
  }

  for (const [channel, playlists] of [
    ["plain", 1],
    ["multi", 2],
  ] as const)
    it(`is passed on for ${channel}, each part fetched once for all players`, async () => {
      await withHeadend(async (requests) => {
        const all = await Promise.all([1, 2, 3].map(() => follow(`http://tv.example:8888/live/up:${channel}.m3u8`)));
        for (const each of all) {
          assert.equal(each.playlists.length, playlists);
          assert.deepEqual(each.bytes, segment);
        }
        assert.equal(requests.filter((path) => path.endsWith(".ts")).length, 1);
        const { streams } = (await (await get("/api/streams")).json()) as { streams: { viewers: unknown[] }[] };
        assert.deepEqual(
          streams.map(({ viewers }) => viewers.length),
          [1],
        );
      });
    });

  it("is passed on for audio renditions", async () => {
    await withHeadend(async () => {
      const address = "http://tv.example:8888/live/up:multi.m3u8";
      const text = await (await fetchAt(address)).response.text();
      const uri = /URI="([^"]+)"/.exec(text)?.[1] ?? "";
      const { response } = await fetchAt(new URL(uri, address).href);
      assert.equal(uris(await response.text()).length, 3);
    });
  });

  it("is passed on for a past", async () => {
    await withHeadend(async (requests) => {
      const at = Math.floor(Date.now() / 1000) - 3600;
      const { playlists, bytes } = await follow(`http://tv.example:8888/live/up:multi/video-${at}-600.m3u8`);
      assert.match(playlists[0] ?? "", /#EXT-X-ENDLIST/);
      assert.deepEqual(bytes, segment);
      assert.equal(requests.filter((path) => path === "/past.m3u8").length, 1);
    });
  });

  it("comes back after its stream was ended, live and from the past", async () => {
    await withHeadend(async () => {
      const at = Math.floor(Date.now() / 1000) - 3600;
      for (const first of ["up:plain.m3u8", `up:multi/video-${at}-600.m3u8`]) {
        const address = (await fetchAt(`http://tv.example:8888/live/${first}`)).url;
        await follow(address);
        await endStreams();
        // At once: players take a playlist that fails for the end of the channel.
        assert.equal((await fetchAt(address)).response.status, 200);
        await follow(address);
      }
    });
  });

  it("gives the only tuner to the next channel of the same player, and to nobody else's", async () => {
    await withHeadend(async () => {
      const statusOf = async (path: string, player: string) => (await get(path, { "user-agent": player })).status;
      assert.equal(await statusOf("/live/up:plain.m3u8", "one"), 200);
      assert.equal(await statusOf("/live/up:multi.m3u8", "two"), 503);
      assert.equal(await statusOf("/live/up:multi.m3u8", "one"), 200);
      assert.equal(await statusOf("/live/up:plain.ts", "two"), 503);
      assert.equal(await statusOf("/live/up:plain.m3u8", "one"), 200);
    }, ", tuners: 1");
  });

  it("has no parts that it does not name", async () => {
    await withHeadend(async () => {
      await follow("http://tv.example:8888/live/up:plain.m3u8");
      for (const path of ["hls/x/nothing.ts", "hls/x/nothing.m3u8", "hls/x/..%2F..%2Fa.ts", "other", "live/x.ts"])
        assert.equal((await get(`/live/up:plain/m3u8/${path}`)).status, 404, path);
    });
  });
});
