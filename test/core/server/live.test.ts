// The addresses of pictures, through a whole headend: what is said of wishes that cannot be met.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concat, makePictures } from "../../plugins/hls/pictures.ts";
import { createFeed } from "../../support/feed.ts";
import { until } from "../../support/host.ts";
import { get, refresh, start, upstream, useHeadend } from "../../support/whole.ts";

describe("/live and /timeshift", () => {
  useHeadend();

  const open = async () => {
    upstream.answers.set(
      "/list.m3u",
      `#EXTM3U\n#EXTINF:-1 tvg-id="xc" catchup="xc" catchup-days="2",XC\nudp://239.1.1.1:5000\n`,
    );
    await start(`instances:\n  tv: { use: m3u, playlist: "${upstream.base}/list.m3u" }\n`);
    await refresh();
  };
  const stamp = (ago: number) =>
    new Date(Date.now() - ago)
      .toISOString()
      .slice(0, 16)
      .replace("T", ":")
      .replace(/:(?=\d\d$)/, "-");

  it("say of an Xtream address what is wrong with it, and nothing of its user and password", async () => {
    await open();
    for (const [path, said] of [
      ["60/2026-13-41:10-00/tv:xc.ts", /XC: this address says no time/],
      [`60/${stamp(3_600_000)}/tv:other.ts`, /no channel is called tv:other"/],
      ["nonsense", /no channel is called nonsense"/],
    ] as const) {
      const answer = await get(`/timeshift/joe/geheim/${path}`);
      assert.equal(answer.status, 404, path);
      const text = await answer.text();
      assert.match(text, said);
      assert.doesNotMatch(text, /joe|geheim/);
    }
  });

  it("answer 404 for a past of which no address can be made", async () => {
    await open();
    const answer = await get(`/live/tv:xc.ts?utc=${Math.floor(Date.now() / 1000) - 3600}`);
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /"tune\.past".*XC: its past cannot be reached/);
  });

  it("go on at the address that the playlist has by then, when upstream ends", async () => {
    const list = (token: string) => `#EXTM3U\n#EXTINF:-1 tvg-id="one",One\n${upstream.base}/${token}.ts\n`;
    const feeds = ["first", "second"].map(() => createFeed(concat(makePictures({ count: 2500 })), { seconds: 100 }));
    upstream.answers.set("/first.ts", (response) => feeds[0]?.answer(response));
    upstream.answers.set("/second.ts", (response) => feeds[1]?.answer(response));
    upstream.answers.set("/list.m3u", list("first"));
    await start(`instances:\n  tv: { use: m3u, playlist: "${upstream.base}/list.m3u", linger: 0s }\n`);
    await refresh();
    const answer = await get("/live/tv:one.ts");
    const reader = answer.body?.getReader();
    await reader?.read();
    upstream.answers.set("/list.m3u", list("second"));
    await refresh();
    const [first, second] = feeds;
    if (first) first.refusing = true;
    first?.end();
    await until(() => second?.open === 1, "the new address in use");
    await reader?.cancel();
  });
});
