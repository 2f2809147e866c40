// Runs inside a network namespace with two cables, `v0` and `w0`, to a neighbour's namespace, and says what it was asked
// and told there.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFile, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { formatDiscoverRequest, parseDiscoverReply } from "../../../core/formats/hdhomerun.ts";
import { formatSearch, parseNotify, parseSearchAnswer, ssdpGroup } from "../../../core/formats/ssdp.ts";
import { answerSearches, type SearchOptions } from "../../../plugins/hdhomerun/search.ts";
import { openSsdp } from "../../../plugins/hdhomerun/ssdp.ts";
import { createTestClock } from "../../support/clock.ts";
import { createKeptLog, device, openHearer } from "./asking.ts";
import type { Ask, Job } from "./network-peer.ts";

const neighbour = spawn("unshare", ["-n", "sleep", "60"], { stdio: "ignore" });
const pid = String(neighbour.pid);

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
const ip = (line: string) => run("ip", line.split(" "));
const there = (line: string) => run("nsenter", ["-t", pid, "-n", "ip", ...line.split(" ")]);

/** A cable from `name`0 here to `name`1 there, in a network of its own. */
async function lay(name: string, network: string): Promise<void> {
  ip(`link add ${name}0 type veth peer name ${name}1`);
  // Not before the neighbour has left our namespace.
  for (let turn = 0; spawnSync("ip", ["link", "set", `${name}1`, "netns", pid]).status !== 0; turn++) {
    assert.ok(turn < 100, "the neighbour does not come");
    await setTimeout(20);
  }
  for (const [at, host, on] of [
    ["0", "1", ip],
    ["1", "2", there],
  ] as const) {
    const link = `dev ${name}${at}`;
    on(`link set ${link} addrgenmode none`);
    on(`address add ${network}.${host}/24 brd + ${link}`);
    if (name === "v" || process.versions.bun) on(`address add fe80::${host}/64 ${link} nodad`);
    on(`link set ${name}${at} up`);
  }
  for (let turn = 0; !ip(`-4 route show table all dev ${name}0`).includes("broadcast"); turn++)
    assert.ok(turn < 100, `${name}0 does not come up`);
}

async function ask(asks: readonly Ask[], wait = 4000): Promise<readonly (readonly Uint8Array[])[]> {
  const job: Job = { asks, wait };
  const child = join(import.meta.dirname, "network-peer.ts");
  const runtime = process.versions.bun ? [child] : ["run", "-A", "--no-check", child];
  const command = ["-t", pid, "-n", process.execPath, ...runtime, JSON.stringify(job)];
  const { stdout } = await promisify(execFile)("nsenter", command);
  return (JSON.parse(stdout) as string[][]).map((answers) => answers.map((hex) => Buffer.from(hex, "hex")));
}

const search = Buffer.from(formatDiscoverRequest({ types: [1] })).toString("hex");
const port = 65_001;
const clock = createTestClock();
const log = createKeptLog();
const open = (more: Partial<SearchOptions> = {}) =>
  answerSearches({ port, allow: "private", clock, log, device: () => device, ...more });
const bases = async (asks: readonly Omit<Ask, "port" | "hex">[], wait?: number) =>
  (
    await ask(
      asks.map((each) => ({ ...each, port, hex: search })),
      wait,
    )
  ).map((answers) => answers.map((bytes) => parseDiscoverReply(bytes)?.baseUrl));

const v = "http://10.77.0.1:5004";
const w = "http://10.78.0.1:5004";

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async broadcast() {
    await open();
    const wanted = [[v], [w], [v], [w], [w]];
    const found = await bases([
      { from: "10.77.0.2", to: "255.255.255.255" },
      { from: "10.78.0.2", to: "255.255.255.255" },
      { from: "10.77.0.2", to: "10.77.0.255" },
      { from: "10.78.0.2", to: "10.78.0.255" },
      { from: "10.78.0.2", to: "10.78.0.1" },
    ]);
    assert.deepEqual(found, wanted);
  },
  async ipv6() {
    await open();
    // Deno does not tell by which link something came; there is one only then.
    const zones = process.versions.bun ? ["v1", "w1"] : ["v1"];
    const asks = zones.map((zone) => ({ from: `fe80::2%${zone}`, zone, to: "ff02::176" }));
    assert.deepEqual(await bases(asks), [[v], [w]].slice(0, zones.length));
  },
  async interfaces() {
    await open({ interfaces: ["10.78.0.1"] });
    const asks = ["10.77.0", "10.78.0"].map((network) => ({ from: `${network}.2`, to: "255.255.255.255" }));
    assert.deepEqual(await bases(asks, 600), [[], [w]]);
  },
  async spoofed() {
    // The answer would find its way: only the rule keeps it.
    ip("address add 198.51.100.1/24 dev v0");
    there("address add 198.51.100.2/24 brd + dev v1");
    const searches = await open();
    const asks = ["198.51.100.2", "10.77.0.2"].map((from) => ({ from, to: "255.255.255.255" }));
    assert.deepEqual(await bases(asks, 600), [[], [v]]);
    assert.deepEqual(log.lines, []);
    await searches.close();
    await open({ allow: "all" });
    assert.deepEqual(await bases(asks), [["http://198.51.100.1:5004"], [v]]);
  },
  async routed() {
    there("address add 10.99.0.2/32 dev v1");
    ip("route add 10.99.0.0/24 via 10.78.0.2");
    await open();
    const [[base] = []] = await bases([{ from: "10.99.0.2", to: "10.78.0.1" }]);
    // Deno does not tell the way.
    assert.equal(base, process.versions.bun ? w : v);
  },
  async announced() {
    await lay("x", "198.51.100");
    // What is sent to a group comes back to those in it on the same machine, from every interface.
    const hearer = await openHearer(ssdpGroup, 1900);
    const options = { port: 1900, clock, log, device: () => device } as const;
    const ssdp = await openSsdp({ ...options, allow: "private" });
    const heard = (from: number) => hearer.answers.slice(from).map(({ bytes }) => parseNotify(bytes)?.service.location);
    await hearer.wait(6);
    await ssdp.close();
    await hearer.wait(18);
    assert.deepEqual([...new Set(heard(0))], [`${v}/device.xml`, `${w}/device.xml`, ""]);
    await openSsdp({ ...options, allow: "all" });
    await hearer.wait(27);
    assert.ok(heard(18).includes("http://198.51.100.1:5004/device.xml"));
  },
  async ssdp() {
    const ssdp = await openSsdp({ port: 1900, allow: "private", clock, log, device: () => device });
    const hex = Buffer.from(formatSearch({ st: "upnp:rootdevice" })).toString("hex");
    const asks = ["10.77.0.2", "10.78.0.2"].map((from) => ({ from, to: ssdpGroup, port: 1900, hex }));
    const locations = async () =>
      (await ask(asks)).map((answers) => answers.map((bytes) => parseSearchAnswer(bytes)?.location));
    assert.deepEqual(await locations(), [[`${v}/device.xml`], [`${w}/device.xml`]]);
    ip("link delete w0");
    await clock.advance(5000);
    await lay("w", "10.78.0");
    await clock.advance(5000);
    assert.deepEqual(await locations(), [[`${v}/device.xml`], [`${w}/device.xml`]]);
    // It may come back before anybody looks.
    ip("link delete w0");
    await lay("w", "10.78.0");
    await clock.advance(5000);
    assert.deepEqual(await locations(), [[`${v}/device.xml`], [`${w}/device.xml`]]);
    assert.equal(ssdp.fault, undefined);
    assert.deepEqual(
      log.lines.filter((line) => !line.startsWith("could not be announced")),
      [],
    );
  },
};

try {
  ip("link set lo up");
  await lay("v", "10.77.0");
  await lay("w", "10.78.0");
  const scenario = scenarios[process.argv[2] ?? ""];
  assert.ok(scenario);
  await scenario();
  process.stdout.write("it works\n");
} finally {
  neighbour.kill("SIGKILL");
}
process.exit(0);
