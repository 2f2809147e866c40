// What a Kodi may answer that is none of what it should: nothing is lost, and the error is a sentence.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import net, { type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { releaseMemory } from "../../../core/runtime/memory.ts";
import { readHome } from "../../../providers/iptv-manager/kodi/home.ts";
import { createRpc, sendRunPlugin } from "../../../providers/iptv-manager/kodi/remote.ts";
import { askAddOn } from "../../../providers/iptv-manager/kodi/trigger.ts";
import { createBench } from "../../core/fetch/upstream.ts";
import { createTestClock } from "../../support/clock.ts";
import { until } from "../../support/host.ts";
import { refresh, start, stop, table, text, useHeadend } from "../../support/whole.ts";
import { openStandIn, type StandInAddOn, writeHome } from "./kodi-stand-in.ts";

useHeadend();

const word = "s3cret-of-kodi";

/** What is answered to every question, by HTTP and by TCP, where `#` is the question's id. */
async function answering(answer: string, work: (jsonrpc: string) => Promise<void>): Promise<void> {
  const answerTo = (question: unknown) => answer.replaceAll("#", /"id":(\d+)/.exec(String(question))?.[1] ?? "");
  const http = createHttp((request, response) => {
    request.on("data", (question) => response.end(answerTo(question)));
  });
  const tcp = net.createServer((socket) => {
    socket.on("error", () => {}).on("data", (question) => socket.end(answerTo(question)));
  });
  await serving(http, tcp, work);
  http.closeAllConnections();
}

/** Both ways to speak JSON-RPC, one after the other. Each is closed after it, which waits for all who are there. */
async function serving(http: Server, tcp: Server, work: (jsonrpc: string, server: Server) => Promise<void>) {
  for (const [server, scheme] of [
    [http, "http"],
    [tcp, "tcp"],
  ] as const) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await work(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    server.close();
  }
}

const reply = (rest: object) => JSON.stringify({ jsonrpc: "2.0", id: "#", ...rest }).replace('"#"', "#");

test("answers that are no JSON-RPC are a failure with a sentence, and quote nothing", async () => {
  for (const [answer, expected] of [
    [`<html>${word}</html>`, /something else than JSON-RPC|not JSON/],
    ["", /something else than JSON-RPC|hung up/],
    ["null", /something else than JSON-RPC|hung up/],
    [`["${word}"]`, /something else than JSON-RPC|hung up/],
    [reply({ error: null }), /Addons\.GetAddons is answered with an error/],
    [reply({ error: word }), /Addons\.GetAddons is answered with an error/],
    [reply({ error: { code: -32601, message: "Method\nnot found." } }), /error -32601: Method not found\./],
    [reply({ error: { code: word, message: {} } }), /Addons\.GetAddons is answered with an error/],
    [`${"[".repeat(100_000)}`, /something else than JSON-RPC|not JSON/],
  ] as const)
    await answering(answer, async (jsonrpc) => {
      await start(
        JSON.stringify({
          instances: { kodi: { use: "iptv-manager", kodi: { jsonrpc, eventPort: 0 } }, testcard: false },
        }),
      );
      await refresh();
      assert.match(table(), expected, answer.slice(0, 60));
      assert.doesNotMatch(table() + (await text("/kodi/status.json")), new RegExp(word));
      await stop();
    });
});

test("an answer that drips for ever has an end, and one that nobody gives is said to be none", async (t) => {
  const bench = await createBench();
  t.after(() => bench.close());
  const clock = createTestClock();
  const drip = (write: (text: string) => void) => {
    const timer = setInterval(() => write(" "), 5);
    return () => clearInterval(timer);
  };
  const http = createHttp((_, response) =>
    response.on(
      "close",
      drip((text) => response.write(text)),
    ),
  );
  const tcp = net.createServer((socket) =>
    socket
      .on("error", () => {})
      .on(
        "close",
        drip((text) => socket.write(text)),
      ),
  );
  const { signal } = new AbortController();
  const ask = (url: string) => createRpc({ url, user: "kodi", fetch: bench.fetch, clock })("JSONRPC.Ping", {}, signal);
  await serving(http, tcp, async (url, server) => {
    const connected = once(server, server === http ? "request" : "connection");
    const failing = assert.rejects(ask(url), /^HeadendError: Kodi's JSON-RPC: no answer within 10s$/);
    await connected;
    await clock.advance(10_001);
    await failing;
    await new Promise((done) => server.close(done));
    await assert.rejects(ask(url), /refused|cannot be reached/);
  });
  assert.equal(clock.sleeping, 0);
});

test("add-ons that are none, and settings that are no texts, are passed over", async () => {
  const addons = [
    null,
    5,
    {},
    { addonid: 7 },
    { addonid: "a),b(" },
    { addonid: "plugin.video.odd", name: {}, path: [] },
  ];
  for (const result of [{}, { addons: "many" }, { addons }, []])
    await answering(reply({ result }), async (jsonrpc) => {
      await start(
        JSON.stringify({
          instances: { kodi: { use: "iptv-manager", kodi: { jsonrpc, eventPort: 0 } }, testcard: false },
        }),
      );
      await refresh();
      assert.match(await text("/api/status"), /no add-on of this Kodi has IPTV Manager switched on/);
      await stop();
    });
});

test("where neither way to find add-ons works, both reasons are told", async () => {
  const config = { jsonrpc: "tcp://127.0.0.1:1", home: join(tmpdir(), "no-kodi-here") };
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager", kodi: config }, testcard: false } }));
  await refresh();
  assert.match(table(), /Kodi's JSON-RPC: it cannot be reached: .*; and .*no-kodi-here is no home folder of a Kodi/);
});

test("an add-on that the config names and Kodi does not have is told of", async (t) => {
  const kodi = await openStandIn([]);
  t.after(() => kodi.close());
  const config = { jsonrpc: kodi.tcp, eventPort: 0, addons: ["plugin.video.vrt.nu"] };
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager", kodi: config }, testcard: false } }));
  await refresh();
  assert.match(
    await text("/api/status"),
    /plugin\.video\.vrt\.nu: no add-on of this Kodi by this id has IPTV Manager switched on/,
  );
});

test("an address cannot end the text of a packet, and one too long for a packet is said to be", async (t) => {
  const ran: string[] = [];
  const answers = new Map<string, unknown>();
  answers.get = (address: string) => void ran.push(address);
  const odd: StandInAddOn = { id: "x", name: "X", settings: {}, answers };
  const kodi = await openStandIn([odd]);
  t.after(() => kodi.close());
  await sendRunPlugin('plugin://x/a")\0,Quit("\\b', "127.0.0.1", kodi.eventPort);
  for (let turn = 0; turn < 500 && ran.length === 0; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(ran, ["/a%22)%00,Quit(%22%5Cb"]);
  await assert.rejects(sendRunPlugin(`plugin://x/${"a".repeat(1000)}`, "127.0.0.1", kodi.eventPort), /too long/);
});

const deaf = process.versions.bun ? false : "this runtime collects when it likes";

test("nothing is left of an add-on that has been asked", { skip: deaf }, async (t) => {
  const settings = {};
  const kodi = await openStandIn([{ id: "x", name: "X", settings, answers: new Map([["/iptv", "answer"]]) }]);
  t.after(() => kodi.close());
  const limits = { connect: 5000, silence: 5000, total: 5000, maxBytes: 1000 };
  const run = (address: string) => sendRunPlugin(address, "127.0.0.1", kodi.eventPort);
  const { signal } = new AbortController();
  const ask = async () => {
    const memory = { worked: undefined };
    const ways = [{ name: "EventServer", waits: false, run }];
    const o = { what: "X", limits, clock: createTestClock(), signal, ways, memory, far: false };
    assert.equal(Buffer.concat(await Array.fromAsync(askAddOn("plugin://x/iptv", o))).toString(), "answer");
    return new WeakRef(memory);
  };
  const left = await Promise.all([ask(), ask(), ask()]);
  await until(() => {
    releaseMemory();
    return left.every((each) => each.deref() === undefined);
  }, "all of it is garbage");
});

test("a home folder's database says which add-ons are switched off; one that is being written is asked again later", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "headend-kodi-database-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const settings =
    '<settings><setting id="iptv.enabled" default="true"/><setting id="iptv.channels_uri" default="plugin://x/iptv"/></settings>';
  for (const id of ["plugin.video.on", "plugin.video.off", "plugin.video.new"])
    await writeHome(home, {
      [`addons/${id}/addon.xml`]: `<addon id="${id}" name="${id}"><extension point="xbmc.python.pluginsource"/></addon>`,
      [`addons/${id}/resources/settings.xml`]: settings,
    });
  const ids = async () => (await readHome(home)).map(({ id }) => id.replace("plugin.video.", ""));
  assert.deepEqual(await ids(), ["new", "off", "on"]);
  const folder = join(home, "userdata", "Database");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "Addons27.db"), "not a database, and not the newest");
  const open = () => new DatabaseSync(join(folder, "Addons33.db"));
  const database = open();
  database.exec("CREATE TABLE installed (id INTEGER PRIMARY KEY, addonID TEXT UNIQUE, enabled BOOLEAN)");
  database.exec("INSERT INTO installed (addonID, enabled) VALUES ('plugin.video.on', 1), ('plugin.video.off', 0)");
  assert.deepEqual(await ids(), ["new", "on"]);
  database.exec("BEGIN EXCLUSIVE");
  await assert.rejects(readHome(home), /its database of add-ons is being written/);
  database.exec("COMMIT");
  database.close();
  await writeFile(join(folder, "Addons34.db"), "not a database");
  assert.deepEqual(await ids(), ["new", "off", "on"]);
});
