// `headend doctor` and GET /api/doctor as their user meets them: a headend that is well, and what is said of one that is not.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../core/transport/udp/sending.ts";
import { openUpstream } from "../support/upstream.ts";
import { alone, ask, doctor, failing, type Report, ready, running, well } from "./doctor-asking.ts";
import { fetchUntil, runHeadend, withFolder } from "./process.ts";

const tunerClients = ["Plex", "Jellyfin", "Emby", "Kodi pvr.hdhomerun", "Channels"];
const playlistClients = ["Jellyfin", "Emby", "Kodi pvr.iptvsimple", "Channels", "TiviMate"];

const verdict = (report: Report, client: string) => report.clients.find((each) => each.client === client)?.verdict;
const show = (report: Report) => JSON.stringify(report.checks, undefined, 1);

test("a headend that is well is asked by the command, and every client works", async () => {
  await running(await well(), async (headend, file) => {
    await ready(headend);
    const end = await runHeadend(["doctor", "--config", file, "--listen", new URL(headend.base).host], "/");
    assert.equal(end.code, 0, end.output);
    assert.doesNotMatch(end.output, /is started for the time/);
    for (const client of [...tunerClients, ...playlistClients])
      assert.ok(end.output.includes(`${client}: works`), client);
    assert.match(end.output, /All is well\.\s*$/);
  });
});

test("each client's own requests are made, within the time, and nothing stays open", async () => {
  await running(await well(), async (headend) => {
    const report = await ask(headend);
    assert.deepEqual(failing(report), []);
    assert.ok(report.seconds < 20);
    const made = (client: string) =>
      report.checks
        .filter(({ clients }) => clients?.includes(client))
        .map(({ name }) => name.replace(/ by .*| on .*/, ""));
    assert.deepEqual(made("Plex"), ["device", "channels", "pictures", "guide", "search", "SSDP"]);
    assert.deepEqual(made("Kodi pvr.hdhomerun"), ["device", "channels", "pictures", "search"]);
    assert.deepEqual(made("TiviMate"), ["playlist", "guide"]);
    const said = report.checks.map(({ sentence }) => sentence).join("\n");
    for (const each of [/today's question is answered/, /the older question is answered/, /found by 4 searches/])
      assert.match(said, each);
    assert.match(said, /its numbers are those of all 2 channels/);
    assert.equal(report.checks.find(({ name }) => name === "port 80")?.ok, "note");
    for (let turn = 0; ; turn++) {
      const { streams } = (await (await fetch(`${headend.base}/api/streams`)).json()) as {
        streams: { viewers: object[] }[];
      };
      if (streams.every(({ viewers }) => viewers.length === 0)) break;
      assert.ok(turn < 200, "somebody still watches");
      await fetch(`${headend.base}/healthz`);
    }
  });
});

test("one run serves all who ask meanwhile; a HEAD, and a page of another site, start none", async () => {
  await running(await well(), async (headend) => {
    const [one, two] = await Promise.all([ask(headend), ask(headend)]);
    assert.equal(one.at, two.at);
    assert.equal((await fetch(`${headend.base}/api/doctor`, { method: "HEAD" })).status, 200);
    const foreign = await fetch(`${headend.base}/api/doctor`, { headers: { "sec-fetch-site": "cross-site" } });
    assert.equal(foreign.status, 403);
    const described = (await (await fetch(`${headend.base}/openapi/json`)).json()) as { paths: object };
    assert.ok("/api/doctor" in described.paths);
  });
});

test("the last tuner is left to who watches by it", async () => {
  await running(await well("tuners: 1,"), async (headend) => {
    await ready(headend);
    const base = /is at (http:\/\/[^;"]+)/.exec(headend.output())?.[1]?.replace(/\/\/[^:]+/, "//127.0.0.1");
    const control = new AbortController();
    const watching = await fetch(`${base}/auto/v9991`, { signal: control.signal });
    assert.equal(watching.status, 200);
    const reader = watching.body?.getReader();
    await reader?.read();
    const report = await ask(headend);
    assert.deepEqual(failing(report), []);
    const pictures = report.checks.find(({ instance, name }) => instance === "tuner" && name === "pictures");
    assert.equal(pictures?.ok, "note", show(report));
    assert.match(pictures.sentence, /not tried, to leave the tuners to those who watch/);
    assert.equal((await reader?.read())?.done, false);
    control.abort();
  });
});

test("with no headend there one is started for the test, and its data folder is free again", async () => {
  const config = await well();
  await withFolder(async (folder) => {
    await writeFile(join(folder, "headend.yaml"), config);
    for (const _ of [1, 2]) {
      const end = await runHeadend(["doctor", "--data", join(folder, "data"), ...alone], folder);
      assert.equal(end.code, 0, end.output);
      assert.match(end.output, /one is started for the time of the test/);
      assert.match(end.output, /TiviMate: works/);
    }
  });
});

test("a client for whom nothing runs is told of, and is no fault", async () => {
  const end = await doctor("instances: { testcard: { use: testcard } }\n", alone);
  assert.equal(end.code, 0, end.output);
  assert.match(end.output, /\nPlex\n {2}nothing that runs here is made for it/);
});

test("a channel whose upstream is down fails for everybody, with the reason and no secret", async () => {
  const upstream = await openUpstream();
  try {
    upstream.answers.set(
      "/list.m3u",
      `#EXTM3U\n#EXTINF:-1,Gone\n${upstream.base.replace("//", "//ana:sesame@")}/gone.ts\n`,
    );
    const config = `streams: { slate: 0s }\ninstances:\n  up: { use: m3u, playlist: "${upstream.base}/list.m3u" }\n`;
    const end = await doctor(config, alone);
    assert.equal(end.code, 3, end.output);
    assert.match(end.output, /FAILS\s+pictures of up: Gone: .*answered 404/);
    assert.match(end.output, /fix: see whether upstream plays it at all/);
    assert.match(end.output, /TiviMate: fails \(see Everybody, too\)/);
    assert.match(end.output, /FAILS\s+playlist, guide: it has no programme: .*\n\s+fix: name guides/);
    assert.doesNotMatch(end.output, /sesame/);
  } finally {
    await upstream.close();
  }
});

test("an address that is too long for a client fails for that client, and says what to write", async () => {
  const host = "the-television-of-the-house.localhost";
  await running(await well(`publicHost: ${host},`), async (headend) => {
    const report = await ask(headend);
    const long = failing(report).find(({ sentence }) => /these clients keep 28/.test(sentence));
    assert.deepEqual(long?.clients, ["Kodi pvr.hdhomerun", "Channels"], show(report));
    assert.match(long.sentence, new RegExp(`BaseURL http://${host}:\\d+ has \\d+ characters`));
    assert.match(long.fix ?? "", /publicHost: the IPv4 address/);
    assert.equal(verdict(report, "Kodi pvr.hdhomerun"), "fails");
    assert.equal(verdict(report, "TiviMate"), "works");
  });
});

test("a port that another program has fails for the tuner's clients alone", async () => {
  const other = createServer((_, response) => void response.end("hello\n")).listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const config = (await well()).replace("port: 0,", `port: ${port},`);
    await running(config, async (headend) => {
      const report = await ask(headend);
      assert.ok(
        failing(report).some(({ sentence }) => sentence.includes(`port ${port} could not be opened`)),
        show(report),
      );
      assert.ok(
        failing(report).some(({ sentence }) => /another program is using it/.test(sentence)),
        show(report),
      );
      for (const client of tunerClients) assert.equal(verdict(report, client), "fails", client);
      assert.equal(verdict(report, "TiviMate"), "works");
    });
    // The server's own port.
    const end = await doctor(await well(), ["--listen", `127.0.0.1:${port}`]);
    assert.equal(end.code, 3, end.output);
    assert.match(end.output, /is not answered by a headend/);
    assert.match(end.output, /fix: stop the program that has port/);
  } finally {
    other.close();
  }
});

test("without ffmpeg, channels that need it fail, and others are told of it only", async () => {
  await withFolder(async (nothing) => {
    const upstream = await openUpstream();
    try {
      const needy = "#EXTM3U\n#EXTINF:-1,Far\nsrt://127.0.0.1:9\n";
      upstream.answers.set("/list.m3u", needy);
      const config = `instances:\n  testcard: { use: testcard }\n  up: { use: m3u, playlist: "${upstream.base}/list.m3u" }\n`;
      const end = await doctor(config, alone, nothing);
      assert.equal(end.code, 3, end.output);
      assert.match(end.output, /FAILS\s+ffmpeg: it was not found; channels that need it: 1\n\s+fix: install ffmpeg/);
      const other = await doctor("instances: { testcard: { use: testcard } }\n", alone, nothing);
      assert.equal(other.code, 0, other.output);
      assert.match(other.output, /note\s+ffmpeg: it was not found/);
    } finally {
      await upstream.close();
    }
  });
});

test("where a password is wanted, the test wants it too, takes it from the config, and shows it to nobody", async () => {
  for (const access of ["users: { ana: { password: sesame-open } }", "tokens: { tv: sesame-open }"]) {
    await running(await well("", `access: { ${access} }\n`), async (headend, file) => {
      assert.equal((await fetch(`${headend.base}/api/doctor`)).status, 401);
      const open = access.startsWith("tokens")
        ? `${headend.base}/t/sesame-open/readyz`
        : headend.base.replace("//", "//ana:sesame-open@").concat("/readyz");
      await fetchUntil(200, open);
      const words = ["doctor", "--config", file, "--listen", new URL(headend.base).host];
      const end = await runHeadend(words, "/");
      assert.equal(end.code, 0, end.output);
      assert.match(end.output, /Plex: works[\s\S]*TiviMate: works/);
      assert.doesNotMatch(end.output + headend.output(), /sesame|c2VzYW1l/);
      // Another config's users are not let in.
      const others = `${file}.other.yaml`;
      await writeFile(others, "access: { tokens: { other: something-else } }\n");
      const stranger = await runHeadend(words.with(2, others), "/");
      assert.equal(stranger.code, 3, stranger.output);
      assert.match(stranger.output, /does not let in the users and tokens of this config/);
    });
  }
});

test("a publicUrl that leads nowhere, or back to the player itself, is told of", async () => {
  const port = await freePort();
  await running(await well("", `publicUrl: http://127.0.0.1:${port}\n`), async (headend) => {
    const report = await ask(headend);
    const said = failing(report).map(({ sentence }) => sentence);
    assert.ok(
      said.some((each) => each.includes("which every player takes for itself")),
      show(report),
    );
    assert.ok(
      said.some((each) => each.includes(`http://127.0.0.1:${port} does not answer`)),
      show(report),
    );
  });
});
