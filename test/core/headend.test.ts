// The whole headend in one process against a real upstream: what players see while things go right and wrong.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type Assembly, assemble, readWanted, type Setting, wantedOf } from "../../core/assembly.ts";
import { formatRefresh } from "../../core/report.ts";
import { plugins } from "../../plugins/index.ts";
import { providers } from "../../providers/index.ts";
import { openUpstream, type Upstream } from "../support/upstream.ts";

const entry = (name: string, id: string, path: string) =>
  `#EXTINF:-1 tvg-id="${id}" tvg-name="${name}" group-title="Italia",${name}\nhttp://cdn.example/${path}\n`;
const playlist = `#EXTM3U url-tvg="http://elsewhere.example/epg.xml" refresh="3600"\n${entry("Italia 1", "Italia 1", "i1.ts")}${entry("Rai 1", "Rai 1", "r1.ts")}`;

const stamp = (hours: number) => {
  const at = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 + hours * 3_600_000);
  return `${at.toISOString().replace(/[-:T]/g, "").slice(0, 14)} +0000`;
};
const guide = (title: string, ...ids: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<tv>\n${ids.map((id) => `<channel id="${id}"><display-name>${id}</display-name></channel>`).join("\n")}\n${ids
    .map(
      (id) => `<programme start="${stamp(-1)}" stop="${stamp(1)}" channel="${id}"><title>${title}</title></programme>`,
    )
    .join("\n")}\n</tv>\n`;

const config = (base: string) => `
instances:
  one: { use: m3u, playlist: "${base}/list.m3u", guides: ["${base}/a.xml", "${base}/b.xml"] }
`;

let folder = "";
let upstream: Upstream;
let running: Assembly | undefined;

async function start(text: string, env: Record<string, string> = {}): Promise<Assembly> {
  if (text) await writeFile(join(folder, "headend.yaml"), text);
  const setting: Setting = {
    flags: { data: join(folder, "data"), logLevel: "error", ...(text ? { config: join(folder, "headend.yaml") } : {}) },
    env,
    cwd: folder,
    builtins: [...providers, ...plugins],
    worker: new URL("../../core/guide/worker.ts", import.meta.url),
  };
  const read = await readWanted(setting);
  running = await assemble(setting, read, { schedule: false });
  await running.supervisor.apply(wantedOf(read));
  return running;
}

async function stop(): Promise<void> {
  await running?.close();
  running = undefined;
}

const get = async (path: string, headers: Record<string, string> = {}) =>
  (running as Assembly).server.fetch(new Request(`http://tv.example:8888${path}`, { headers }), {
    address: "127.0.0.1",
  });
const text = async (path: string, headers?: Record<string, string>) => (await get(path, headers)).text();
const refresh = () => (running as Assembly).supervisor.refreshAll();
const table = () => formatRefresh((running as Assembly).supervisor);

/** Every file of the data folder with size, time and inode. */
async function files(at = join(folder, "data")): Promise<string[]> {
  const found: string[] = [];
  for (const item of await readdir(at, { withFileTypes: true })) {
    const path = join(at, item.name);
    if (item.isDirectory()) found.push(...(await files(path)));
    else {
      const { size, mtimeMs, ino } = await stat(path);
      found.push(`${path} ${size} ${mtimeMs} ${ino}`);
    }
  }
  return found.sort();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-"));
  upstream = await openUpstream({
    "/list.m3u": playlist,
    "/a.xml": guide("first", "Italia 1.it"),
    "/b.xml": guide("second", "Italia 1.it", "rai1"),
  });
});

afterEach(async () => {
  await stop();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

describe("a headend", () => {
  it("answers 503 with Retry-After before the first refresh has completed", async () => {
    await start(config(upstream.base));
    for (const path of ["/playlist.m3u", "/playlist", "/guide.xml", "/guide.xml.gz", "/epg", "/one/playlist.m3u"]) {
      const answer = await get(path);
      assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "30"], path);
    }
    assert.equal((await get("/healthz")).status, 503);
    assert.equal((await get("/readyz")).status, 503);
  });

  it("serves a playlist and a guide that bind, ids rewritten, the first source owning a channel", async () => {
    await start(config(upstream.base));
    await refresh();
    const list = await text("/playlist.m3u");
    assert.match(list, /^#EXTM3U .*url-tvg="http:\/\/tv\.example:8888\/guide\.xml\.gz"/);
    assert.match(list, /tvg-id="Italia 1"[\s\S]*http:\/\/cdn\.example\/i1\.ts/);
    const xml = await text("/guide.xml");
    assert.match(xml, /channel="Italia 1"><title>first</);
    assert.match(xml, /channel="Rai 1"><title>second</);
    assert.equal(xml.match(/<programme /g)?.length, 2);
    assert.equal((await get("/healthz")).status, 200);
    assert.equal((await get("/readyz")).status, 200);
  });

  it("passes an instance's own playlist on byte for byte, but for the guide's address", async () => {
    await start(config(upstream.base));
    await refresh();
    const [header, ...lines] = (await text("/one/playlist.m3u")).split("\n");
    assert.deepEqual(lines, playlist.split("\n").slice(1));
    assert.match(header ?? "", / url-tvg="http:\/\/tv\.example:8888\/one\/guide\.xml\.gz"/);
    assert.match(header ?? "", / refresh="3600"/);
  });

  it("asks once and writes nothing when nothing has changed", async () => {
    await start(config(upstream.base));
    await refresh();
    await text("/playlist.m3u");
    const before = await files();
    upstream.requests.length = 0;
    await refresh();
    assert.deepEqual(upstream.requests.sort(), ["304 /a.xml", "304 /b.xml", "304 /list.m3u"]);
    assert.deepEqual(await files(), before);
  });

  it("serves the last good playlist and guide after a restart, before any upstream answers", async () => {
    await start(config(upstream.base));
    await refresh();
    const before = [await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")];
    await stop();
    upstream.answers.clear();
    await start(config(upstream.base));
    assert.deepEqual([await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")], before);
    assert.equal((await get("/healthz")).status, 200);
    await refresh();
    assert.equal(await text("/playlist.m3u"), before[0]);
  });

  const broken: Record<string, (response: import("node:http").ServerResponse) => void> = {
    "404": (r) => r.writeHead(404).end(),
    "500": (r) => r.writeHead(500).end("oops"),
    "a web page with status 200": (r) => r.end("<!DOCTYPE html><html><body>Your account has expired</body></html>"),
    "an empty body": (r) => r.end(),
    "a playlist without channels": (r) => r.end("#EXTM3U\n"),
    "half a body": (r) => {
      r.writeHead(200, { "content-length": "100000" });
      r.write(playlist.slice(0, 90), () => r.destroy());
    },
    "a reset": (r) => r.destroy(),
    "endless redirects": (r) => r.writeHead(302, { location: "/list.m3u" }).end(),
  };
  for (const [what, answer] of Object.entries(broken)) {
    it(`keeps everything when upstream gives ${what}, and recovers`, async () => {
      await start(config(upstream.base));
      await refresh();
      const before = [await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")];
      for (const path of ["/list.m3u", "/a.xml", "/b.xml"]) upstream.answers.set(path, answer);
      await refresh();
      assert.deepEqual(
        [await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")],
        before,
      );
      assert.match(table(), /degraded: /);
      upstream.answers.set("/list.m3u", playlist.replaceAll("Rai 1", "Rai Uno"));
      upstream.answers.set("/a.xml", guide("third", "Italia 1.it"));
      upstream.answers.set("/b.xml", guide("third", "rai uno"));
      await refresh();
      assert.match(await text("/playlist.m3u"), /Rai Uno/);
      assert.match(await text("/guide.xml"), /channel="Rai Uno"><title>third/);
    });
  }

  it("shows no channel of an instance that the config no longer names, even while the new one fails", async () => {
    await start("");
    await refresh();
    assert.match(await text("/playlist.m3u"), /Test card 1/);
    await stop();
    await start(`instances: { one: { use: m3u, playlist: "${upstream.base}/gone.m3u" } }\n`);
    await refresh();
    assert.equal((await get("/playlist.m3u")).status, 503);
    assert.equal((await get("/healthz")).status, 503);
    assert.match(await text("/healthz"), /one has not refreshed yet/);
  });

  it("names an instance whose config is wrong, and serves the others", async () => {
    await start(
      `${config(upstream.base)}  two: { use: m3u, playlist: "${upstream.base}/list.m3u", exclude: [{ grp: x }] }\n`,
    );
    await refresh();
    assert.equal((await get("/playlist.m3u")).status, 200);
    assert.match(await text("/healthz"), /two is invalid: .*exclude\[0\]/);
    assert.match(table(), /two .*invalid: .*exclude\[0\]/);
    assert.equal((await get("/two/anything")).status, 503);
  });

  it("takes a password with any signs in an address, when it comes from the environment", async () => {
    let seen = "";
    upstream.answers.set("/list.m3u", (response) => {
      seen = response.req.headers.authorization ?? "";
      response.end(playlist);
    });
    const password = "p@ss/w#rd:%1";
    const address = upstream.base.replace("://", "://ana:${SECRET}@");
    await start(`instances: { one: { use: m3u, playlist: "${address}/list.m3u" } }\n`, { SECRET: password });
    await refresh();
    assert.equal(seen, `Basic ${btoa(`ana:${password}`)}`);
  });

  it("goes on with the other guides when a single source fails", async () => {
    upstream.answers.delete("/a.xml");
    await start(config(upstream.base));
    await refresh();
    assert.match(await text("/guide.xml"), /channel="Italia 1"><title>second/);
    assert.match(table(), /a\.xml.*404/);
  });

  it("refreshes the guide for the last good channels when the playlist fails", async () => {
    await start(config(upstream.base));
    await refresh();
    upstream.answers.delete("/list.m3u");
    upstream.answers.set("/a.xml", guide("newer", "Italia 1.it"));
    await refresh();
    assert.match(await text("/guide.xml"), /channel="Italia 1"><title>newer/);
  });

  it("keeps one instance's failure from the others", async () => {
    await mkdir(join(folder, "data", "plugins"), { recursive: true });
    const plugin = (name: string, setup: string) =>
      writeFile(
        join(folder, "data", "plugins", `${name}.ts`),
        `export default { name: "${name}", api: 1, config: { parse: (x) => x, safeParse: (data) => ({ success: true, data }) }, setup: ${setup} };`,
      );
    await plugin("throws", `() => { throw new Error("no luck") }`);
    await plugin("breaks", `() => ({ async *channels() { yield { name: "A" }; throw new Error("lost it") } })`);
    await start(
      `${config(upstream.base)}  bad: { use: ./throws.ts }\n  worse: { use: ./breaks.ts }\n  gone: { use: ./missing.ts }\n`,
    );
    await refresh();
    assert.match(await text("/playlist.m3u"), /Italia 1/);
    assert.match(table(), /bad .*invalid: no luck/);
    assert.match(table(), /worse .*degraded: lost it/);
    assert.match(table(), /gone .*invalid: .*no file is at/);
    const answer = await get("/bad/anything");
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /no luck/);
  });

  it("restarts only the instances whose config has changed", async () => {
    const two = `${config(upstream.base)}  two: { use: xmltv, guides: ["${upstream.base}/b.xml"] }\n`;
    await start(two);
    await refresh();
    const { supervisor } = running as Assembly;
    const [one, other] = [supervisor.instances.get("one"), supervisor.instances.get("two")];
    await writeFile(join(folder, "headend.yaml"), two.replace("use: xmltv", "use: xmltv, refresh: 1h"));
    const read = await readWanted({
      flags: { config: join(folder, "headend.yaml"), data: join(folder, "data") },
      env: {},
      cwd: folder,
      builtins: [],
      worker: new URL("file:///"),
    });
    await supervisor.apply(wantedOf(read));
    assert.equal(supervisor.instances.get("one"), one);
    assert.notEqual(supervisor.instances.get("two"), other);
    assert.match(await text("/playlist.m3u"), /Italia 1/);
  });

  it("forgets what was cached when it is told to refresh clean, but no identity", async () => {
    await start(config(upstream.base));
    await refresh();
    const before = await text("/playlist.m3u");
    upstream.requests.length = 0;
    await (running as Assembly).supervisor.refresh("one", true);
    assert.deepEqual(upstream.requests.sort(), ["200 /a.xml", "200 /b.xml", "200 /list.m3u"]);
    assert.equal(await text("/playlist.m3u"), before);
  });

  it("works from the ten environment variables alone", async () => {
    await start("", {
      PZ8_RELAY_TARGET_URL: `${upstream.base}/list.m3u`,
      PZ8_RELAY_USERNAME: "ana",
      PZ8_RELAY_PASSWORD: "secret",
      PZ8_RELAY_PUBLIC_URL: "https://relay.example",
      PZ8_RELAY_EPG_URLS: `${upstream.base}/a.xml,${upstream.base}/b.xml`,
      PZ8_RELAY_EPG_REFRESH: "12h",
    });
    await refresh();
    assert.equal((await get("/playlist")).status, 401);
    assert.equal((await get("/healthz")).status, 200);
    const authorization = `Basic ${btoa("ana:secret")}`;
    for (const path of ["/playlist", "/"]) {
      const answer = await get(path, { authorization });
      assert.equal(answer.headers.get("content-type"), "application/vnd.apple.mpegurl");
      const [header, ...lines] = (await answer.text()).split("\n");
      assert.match(header ?? "", /url-tvg="https:\/\/relay\.example\/epg"/);
      assert.deepEqual(lines, playlist.split("\n").slice(1));
    }
    const epg = await get("/epg", { authorization, "accept-encoding": "gzip" });
    assert.deepEqual(
      [epg.headers.get("content-type"), epg.headers.get("content-encoding")],
      ["application/xml", "gzip"],
    );
    assert.match(await text("/epg", { authorization }), /channel="Italia 1"><title>first/);
  });

  it("carries a path token through every link of the playlist", async () => {
    await start(`${config(upstream.base)}  cards: { use: testcard }\naccess: { tokens: { tv: "0123456789abcdef" } }\n`);
    await refresh();
    assert.equal((await get("/playlist.m3u")).status, 401);
    assert.equal((await get("/t/wrong-token-here/playlist.m3u")).status, 403);
    const list = await text("/t/0123456789abcdef/playlist.m3u");
    assert.match(list, /url-tvg="http:\/\/tv\.example:8888\/t\/0123456789abcdef\/guide\.xml\.gz"/);
    assert.match(list, /^http:\/\/tv\.example:8888\/t\/0123456789abcdef\/cards\/1\.ts/m);
    assert.equal((await get("/t/0123456789abcdef/guide.xml.gz")).status, 200);
  });
});
