// What the config says of timeshift, through a whole headend: channels, playlists, and what is said to who asks.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "../../support/host.ts";
import { get, refresh, start, stop, text, upstream, useHeadend } from "../../support/whole.ts";

const list = (base: string) =>
  [
    "#EXTM3U",
    `#EXTINF:-1 tvg-id="one" group-title="News",One\n${base}/one.ts`,
    `#EXTINF:-1 tvg-id="two" group-title="Films",Two\n${base}/two.ts`,
    `#EXTINF:-1 tvg-id="own" group-title="News" catchup="shift" catchup-days="7",Own\n${base}/own.ts`,
  ].join("\n");

describe("timeshift in the config", () => {
  useHeadend();

  const open = async (keys: string) => {
    upstream.answers.set("/list.m3u", list(upstream.base));
    await stop();
    await start(`instances:\n  tv: { use: m3u, playlist: "${upstream.base}/list.m3u", ${keys} }\n`);
    await refresh();
  };
  const line = (playlist: string, name: string) => playlist.split("\n").find((each) => each.endsWith(`,${name}`)) ?? "";

  test("is an instance's, and a group's or a channel's where that says otherwise", async () => {
    await open(
      "timeshift: 2h, set: [{ where: { group: News }, timeshift: 30h, timeshiftWhen: always }, { where: { name: Two }, timeshift: 0s }]",
    );
    const playlist = await text("/playlist.m3u");
    assert.match(line(playlist, "One"), /catchup="flussonic-ts".* catchup-days="2"/);
    assert.doesNotMatch(line(playlist, "Two"), /catchup/);
    assert.match(line(playlist, "Own"), /catchup-days="7"/);
  });

  test("is advertised in days, rounded up, and not where players do not come here", async () => {
    // A playlist is served as it was until the next one is written.
    const shows = async (what: RegExp) =>
      until(async () => what.test(line(await text("/playlist.m3u"), "Two")), `${what} in the playlist`);
    await open("timeshift: 2h");
    await shows(/catchup-days="1"/);
    await open("timeshift: 2h, deliver: redirect");
    await shows(/^(?!.*catchup)/);
    await open("timeshift: 2h, deliver: redirect, timeshiftWhen: always");
    await shows(/catchup-days="1"/);
  });

  test("says what is not there", async () => {
    await open("timeshift: 2h");
    const now = Math.floor(Date.now() / 1000);
    const [, one = ""] = /\/live\/([^/]+)\/mpegts/.exec(await text("/playlist.m3u")) ?? [];
    const recent = await get(`/live/${one}.ts?utc=${now - 600}`);
    assert.equal(recent.status, 404);
    assert.match(await recent.text(), /One: nothing of it has been recorded yet/);
    const long = await get(`/live/${one}.ts?utc=${now - 86_400}`);
    assert.equal(long.status, 404);
    assert.match(await long.text(), /One: keeps 2h, since/);
  });
});
