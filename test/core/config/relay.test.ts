// The environment-only form: each of the ten variables as the decision record has it.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { formatProblem, readConfig } from "../../../core/config/index.ts";
import { relayVariables } from "../../../core/config/relay.ts";

const needed = {
  PZ8_RELAY_TARGET_URL: "https://up.example/get.php?username=u&password=p",
  PZ8_RELAY_USERNAME: "ana",
  PZ8_RELAY_PASSWORD: " s3cret ",
};

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-relay-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const read = (env: Record<string, string>, flags = {}) =>
  readConfig({
    flags,
    env: { HOME: "/home/ana", ...env },
    cwd: folder,
    defaults: {
      always: { playlist: { use: "playlist", mount: "/" } },
      unconfigured: { testcard: { use: "testcard" } },
    },
  });

const messages = async (env: Record<string, string>) => (await read(env)).problems.map(formatProblem);

describe("readConfig() without a file but with PZ8_RELAY_ variables", () => {
  it("serves the playlist unchanged while no guide is asked for", async () => {
    const { settings, instances, problems, file } = await read(needed);
    assert.deepEqual([problems, file], [[], undefined]);
    assert.deepEqual(settings, {
      listen: { host: "0.0.0.0", port: 8080 },
      trustedProxies: [],
      data: "/var/cache/pz8-relay",
      lineup: { rules: {}, duplicates: "keep", shrinkGuard: 3, ranges: {} },
      guide: { match: "normalised", keepPast: false, repair: [] },
      streams: { slate: 30_000, timeshiftSize: 50e9 },
      access: { users: { ana: { password: " s3cret " } }, tokens: {} },
      log: { level: "info", format: "text" },
    });
    assert.deepEqual(
      instances.map(({ name, use, mount, refresh, options }) => ({ name, use, mount, refresh, options })),
      [
        {
          name: "relay",
          use: "m3u",
          mount: "/relay",
          refresh: 43_200_000,
          options: { playlist: needed.PZ8_RELAY_TARGET_URL, guides: [], preferPlaylistGuide: false },
        },
        {
          name: "playlist",
          use: "playlist",
          mount: "/",
          refresh: 43_200_000,
          options: {
            instance: "relay",
            playlistType: "application/vnd.apple.mpegurl",
            guideType: "application/xml",
            guideLink: false,
          },
        },
      ],
    );
  });

  it("takes every variable", async () => {
    const { settings, instances, problems } = await read({
      ...needed,
      PZ8_RELAY_LISTEN_ADDR: "127.0.0.1:81",
      PZ8_RELAY_PUBLIC_URL: "http://tv.example/",
      PZ8_RELAY_EPG_URLS: "https://a.example/1.xml.gz, https://b.example/2.xml ,",
      PZ8_RELAY_EPG_REFRESH: "12h30m",
      PZ8_RELAY_PREFER_PLAYLIST_EPG: "true",
      PZ8_RELAY_CACHE_DIR: "/srv/cache",
      PZ8_RELAY_EPG_CONTENT_TYPE: "text/xml; charset=utf-8",
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      [settings?.listen.port, settings?.publicUrl, settings?.data],
      [81, "http://tv.example", "/srv/cache"],
    );
    const [relay, playlist] = instances;
    assert.equal(relay?.refresh, 45_000_000);
    assert.deepEqual(relay?.options, {
      playlist: needed.PZ8_RELAY_TARGET_URL,
      guides: ["https://a.example/1.xml.gz", "https://b.example/2.xml"],
      preferPlaylistGuide: true,
    });
    assert.deepEqual(playlist?.options, {
      instance: "relay",
      playlistType: "application/vnd.apple.mpegurl",
      guideType: "text/xml; charset=utf-8",
      guideLink: "/epg",
    });
  });

  it("names every variable that is missing", async () => {
    assert.deepEqual(await messages({ PZ8_RELAY_PREFER_PLAYLIST_EPG: "1" }), [
      "environment PZ8_RELAY_TARGET_URL: required: address of the upstream playlist",
      "environment PZ8_RELAY_USERNAME: required: user for basic auth",
      "environment PZ8_RELAY_PASSWORD: required: password for basic auth",
      "environment PZ8_RELAY_PUBLIC_URL: required: the guide's address in the playlist begins with it",
    ]);
  });

  it("names every variable that is wrong", async () => {
    const wrong = {
      PZ8_RELAY_TARGET_URL: "list.m3u",
      PZ8_RELAY_USERNAME: "a:b",
      PZ8_RELAY_PASSWORD: "x",
      PZ8_RELAY_LISTEN_ADDR: "8080/tcp",
      PZ8_RELAY_PUBLIC_URL: "tv.example",
      PZ8_RELAY_EPG_URLS: "https://a.example/x,guide.xml",
      PZ8_RELAY_EPG_REFRESH: "12",
      PZ8_RELAY_PREFER_PLAYLIST_EPG: "yes",
      PZ8_RELAY_EPG_CONTENT_TYPE: "xml",
    };
    assert.deepEqual(await messages(wrong), [
      "environment PZ8_RELAY_TARGET_URL: expected an http or https address",
      "environment PZ8_RELAY_USERNAME: a user's name cannot hold a colon",
      "environment PZ8_RELAY_EPG_URLS: entry 2 of 2 is not an http or https address",
      "environment PZ8_RELAY_PREFER_PLAYLIST_EPG: expected true or false",
      "environment PZ8_RELAY_PUBLIC_URL: expected an http or https address without user, query or #",
      "environment PZ8_RELAY_EPG_REFRESH: expected a duration of a second or more, such as 12h30m",
      "environment PZ8_RELAY_LISTEN_ADDR: expected host:port or :port",
      "environment PZ8_RELAY_EPG_CONTENT_TYPE: expected a content type such as application/xml",
    ]);
  });

  it("names a mistyped variable, and not those that a container platform adds", async () => {
    const platform = { PZ8_RELAY_PORT: "tcp://10.0.0.1:8080", PZ8_RELAY_SERVICE_HOST: "10.0.0.1" };
    assert.deepEqual(await messages({ ...needed, ...platform, PZ8_RELAY_EPG_URL: "https://a.example/x" }), [
      "environment PZ8_RELAY_EPG_URL: unknown variable; did you mean PZ8_RELAY_EPG_URLS?",
    ]);
    assert.deepEqual(
      (await read(platform)).instances.map(({ name }) => name),
      ["testcard", "playlist"],
    );
  });

  it("gives way to a file", async () => {
    await writeFile(join(folder, "headend.yaml"), "listen: 1\n");
    try {
      const { settings, instances } = await read(needed);
      assert.equal(settings?.listen.port, 1);
      assert.deepEqual(
        instances.map(({ name }) => name),
        ["testcard", "playlist"],
      );
    } finally {
      await rm(join(folder, "headend.yaml"));
    }
  });

  it("lets flags win", async () => {
    const { settings } = await read(needed, { data: "here", listen: ":9" });
    assert.deepEqual([settings?.data, settings?.listen.port], [join(folder, "here"), 9]);
  });

  it("never quotes a value, whatever it is", async () => {
    const value = fc
      .string({ minLength: 5, unit: fc.constantFrom(..."QXZ$%{}:/,@# ") })
      .filter((text) => text.trim().length > 4);
    const environment = fc.record(
      Object.fromEntries(relayVariables.map((name) => [name, fc.option(value, { nil: undefined })])),
    );
    await fc.assert(
      fc.asyncProperty(environment, async (env) => {
        const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
        const text = (await messages(Object.fromEntries(given))).join("\n");
        for (const [, secret] of given) assert.ok(!text.includes(secret.trim()), text);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
