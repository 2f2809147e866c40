// readConfig(): what files, environment and flags give.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Defaults, formatProblem, readConfig } from "../../../core/config/index.ts";

const defaults: Defaults = {
  always: { playlist: { use: "playlist", mount: "/" } },
  unconfigured: { testcard: { use: "testcard" } },
};

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-config-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function read(text: string | Uint8Array, env: Record<string, string> = {}, flags = {}) {
  await writeFile(join(folder, "headend.yaml"), text);
  return readConfig({ flags, env: { HOME: "/home/ana", ...env }, cwd: folder, defaults });
}

const instance = (lines: string) => `instances:\n  italia:\n    use: m3u\n    playlist: a\n${lines}`;

describe("readConfig()", () => {
  it("fills in every default", async () => {
    const { settings, instances, problems, file } = await read("# nothing yet\n");
    assert.deepEqual(problems, []);
    assert.equal(file, join(folder, "headend.yaml"));
    assert.deepEqual(settings, {
      listen: { host: "0.0.0.0", port: 8888 },
      trustedProxies: [],
      data: "/home/ana/.local/share/headend",
      lineup: { rules: {}, duplicates: "keep", shrinkGuard: 3, ranges: {} },
      guide: { match: "name", days: 14 * 86_400_000, history: 7 * 86_400_000, keepPast: true, repair: [] },
      streams: { slate: 30_000, timeshiftSize: 50e9 },
      access: { users: {}, tokens: {} },
      log: { level: "info", format: "text" },
    });
    assert.deepEqual(
      instances.map(({ name, mount, refresh }) => [name, mount, refresh]),
      [
        ["testcard", "/testcard", 43_200_000],
        ["playlist", "/", 43_200_000],
      ],
    );
  });

  it("reads a whole file", async () => {
    const { settings, instances, problems } = await read(
      [
        "listen: 127.0.0.1:${PORT:-9000}",
        "publicUrl: http://tv.example:8888/",
        "data: var",
        "instances:",
        "  italia: { use: m3u, playlist: 'https://a/$${b}', refresh: 1h30m, numbers: 100-199, exclude: [{ group: adult* }] }",
        "  playlist: { guideType: text/xml }",
        "  own: { use: ./own.ts, mount: / }",
        "lineup: { ranges: { own: 1-9 } }",
        "guide: { days: all, history: off, match: exact }",
        'access: { users: { ana: { password: "${ANA}" } }, tokens: { tv: "${file:token}" } }',
      ].join("\n"),
      { ANA: "0 1:#" },
    );
    assert.match(problems.map(formatProblem).join(), /the file token does not exist/);
    await writeFile(join(folder, "token"), "abcdefgh\n");
    const again = await read(
      'listen: 127.0.0.1:${PORT:-9000}\npublicUrl: http://tv.example:8888/\ndata: var\naccess: { users: { ana: { password: "${ANA}" } }, tokens: { tv: "${file:token}" } }\nguide: { days: all, history: off }',
      { ANA: "0 1:#" },
    );
    assert.equal(settings, undefined);
    assert.deepEqual(again.problems, []);
    assert.deepEqual(again.settings?.listen, { host: "127.0.0.1", port: 9000 });
    assert.equal(again.settings?.publicUrl, "http://tv.example:8888");
    assert.equal(again.settings?.data, join(folder, "var"));
    assert.deepEqual(again.settings?.access, { users: { ana: { password: "0 1:#" } }, tokens: { tv: "abcdefgh" } });
    assert.deepEqual(again.settings?.guide, { match: "name", keepPast: false, repair: [] });
    const [italia, playlist, own] = instances;
    assert.deepEqual(italia?.options, { playlist: "https://a/${b}" });
    assert.deepEqual([italia?.refresh, italia?.numbers], [5_400_000, { from: 100, to: 199 }]);
    assert.deepEqual(italia?.rules, { exclude: [{ group: "adult*" }] });
    assert.deepEqual([playlist?.use, playlist?.mount, playlist?.options], ["playlist", "/", { guideType: "text/xml" }]);
    assert.equal(own?.mount, "/");
    assert.deepEqual(italia?.locate(["playlist"]), { file: "headend.yaml", line: 5, column: 33 });
  });

  it("keeps the settings while only an instance is wrong", async () => {
    const { settings, instances } = await read("instances: { a: { use: x, refresh: 0 }, b: { use: x } }");
    assert.ok(settings);
    assert.deepEqual(
      instances.map(({ name }) => name),
      ["b", "playlist"],
    );
  });

  it("switches default instances off", async () => {
    const { instances, problems } = await read("instances: { playlist: false, testcard: false }");
    assert.deepEqual([instances, problems], [[], []]);
  });

  it("gives an instance another fingerprint when anything of it changes", async () => {
    const base = instance("");
    const variants = [
      base,
      instance("    refresh: 1h\n"),
      instance("    exclude: [{ id: a }]\n"),
      instance("    port: 1\n"),
      `${base}lineup: { ranges: { italia: 1-9 } }`,
    ];
    const prints = await Promise.all([base, ...variants].map(async () => ""));
    for (const [index, text] of [base, ...variants].entries())
      prints[index] = (await read(text)).instances[0]?.fingerprint ?? "";
    assert.equal(prints[0], prints[1]);
    assert.equal(new Set(prints).size, variants.length);
  });

  it("lets flags win over environment, and environment over the file", async () => {
    const env = { HEADEND_DATA_DIR: "from-env" };
    const file = "data: from-file\nlisten: 1\nlog: { level: error }\n";
    const byEnv = await read(file, env);
    assert.equal(byEnv.settings?.data, join(folder, "from-env"));
    const byFlag = await read(file, env, {
      data: "from-flag",
      listen: "[::1]:7",
      logLevel: "debug",
      logFormat: "json",
    });
    assert.equal(byFlag.settings?.data, join(folder, "from-flag"));
    assert.deepEqual(byFlag.settings?.listen, { host: "::1", port: 7 });
    assert.deepEqual(byFlag.settings?.log, { level: "debug", format: "json" });
    const wrong = await read(file, {}, { listen: "x" });
    assert.deepEqual(wrong.problems.map(formatProblem), ["command line --listen: expected host:port, :port or a port"]);
    assert.equal(wrong.settings, undefined);
  });

  it("reports a file that is named but cannot be read, and looks no further", async () => {
    await mkdir(join(folder, "dir"), { recursive: true });
    const outcome = async (config: string) => {
      const { problems, instances } = await readConfig({ flags: { config }, env: {}, cwd: folder, defaults });
      assert.deepEqual(instances, []);
      return problems.map(formatProblem);
    };
    assert.deepEqual(await outcome("none.yaml"), ["none.yaml: does not exist"]);
    assert.deepEqual(await outcome("dir"), ["dir: is a folder; name the file in it"]);
    assert.deepEqual((await read(Uint8Array.of(0xff, 0xfe, 0x61, 0))).problems.map(formatProblem), [
      "headend.yaml: is not UTF-8 text; save it as UTF-8",
    ]);
  });

  it("finds the file where it is said to be", async () => {
    const home = await mkdtemp(join(tmpdir(), "headend-home-"));
    try {
      await mkdir(join(home, ".config/headend"), { recursive: true });
      await writeFile(join(home, ".config/headend/headend.yaml"), "listen: 1");
      const find = async (env: Record<string, string>) =>
        (await readConfig({ flags: {}, env, cwd: home, defaults })).settings?.listen.port;
      assert.equal(await find({ HOME: home }), 1);
      await writeFile(join(home, "headend.yaml"), "listen: 2");
      assert.equal(await find({ HOME: home }), 2);
      await writeFile(join(home, "other.yaml"), "listen: 3");
      assert.equal(await find({ HOME: home, HEADEND_CONFIG: "other.yaml" }), 3);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});
