// Real tools find two devices of a whole headend over a network: SiliconDust's hdhomerun_config and GNOME's gssdp-discover.
// Run by `npm run test:clients`, not by `npm test`. It needs Linux, the right to make network namespaces, and the tools
// (Debian: hdhomerun-config, gupnp-tools); where they are missing the tests say so and are skipped.
import assert from "node:assert/strict";
import process from "node:process";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clientInterface, type Lab, labMissing, openLab, serverAddress } from "./lab.ts";

const skip = labMissing("hdhomerun_config", "gssdp-discover", "curl");
if (skip) process.stderr.write(`discovery by real tools is not tested: it ${skip}\n`);
const options = { skip, timeout: 60_000 } as const;

const config = `instances:
  card: { use: testcard }
  den: { use: hdhomerun, deviceId: "10500009", name: Den, tuners: 3 }
  attic: { use: hdhomerun, deviceId: "12345674", name: Attic, port: 5005 }
`;

let lab: Lab;
before(async () => {
  if (skip) return;
  lab = await openLab(config, /Den \(10500009\) is at [\s\S]*Attic|Attic[\s\S]*Den \(10500009\) is at /);
  // Reachable by its neighbours, too.
  for (
    let turn = 0;
    (await lab.client(["curl", "-sf", `http://${serverAddress}:5005/discover.json`])).code !== 0;
    turn++
  )
    assert.ok(turn < 100, lab.output());
});
after(() => lab?.close());

/** Asks again, as a person would: datagrams may be lost. */
async function client(words: readonly string[], holds: (output: string) => boolean): Promise<string> {
  let output = "";
  for (let turn = 0; turn < 3; turn++) {
    ({ output } = await lab.client(words));
    if (holds(output)) return output;
  }
  return assert.fail(`${words.join(" ")} says:\n${output}\nThe headend says:\n${lab.output()}`);
}

const found = (id: string) => `hdhomerun device ${id} found at ${serverAddress}`;

test("hdhomerun_config finds both devices by broadcast, and directly", options, async () => {
  const both = (output: string) => ["10500009", "12345674"].every((id) => output.includes(found(id)));
  await client(["hdhomerun_config", "discover"], both);
  await client(["hdhomerun_config", "discover", serverAddress], both);
});

test("hdhomerun_config finds a device by its id, and reads what it says of itself", options, async () => {
  const get = (name: string) => client(["hdhomerun_config", "10500009", "get", name], (output) => output.trim() !== "");
  assert.equal((await get("/sys/model")).trim(), "hdhomerun5_atsc");
  assert.match(await get("/sys/version"), /^\d{8}\n$/);
  assert.match(await get("/sys/features"), /^channelmap: /);
  assert.match(await get("help"), /\/tuner<n>\/status/);
  assert.match(await get("/tuner2/status"), /^ch=none /);
  assert.match(await get("/tuner2/lockkey"), /^none$/m);
  assert.match(await get("/tuner3/status"), /unknown getset variable/);
  // Of two devices at one address that one answers which was looked for: it has a fourth tuner.
  await client(["hdhomerun_config", "12345674", "get", "/tuner3/status"], (output) => output.startsWith("ch=none "));
  assert.match(await get("/tuner3/status"), /unknown getset variable/);
  const { output } = await lab.client(["hdhomerun_config", "10AAAAAF", "get", "/sys/model"]);
  assert.doesNotMatch(output, /hdhomerun5_atsc/);
});

test("hdhomerun_config sees what a tuner shows while somebody watches", options, async () => {
  const watching = lab.client([
    "curl",
    "-s",
    "-o",
    "/dev/null",
    "--max-time",
    "6",
    `http://${serverAddress}:5004/auto/v9991`,
  ]);
  const status = ["hdhomerun_config", "10500009", "get", "/tuner0/status"];
  for (let turn = 0; !(await lab.client(status)).output.startsWith("ch=9991 "); turn++) {
    assert.ok(turn < 10, lab.output());
    await sleep(200);
  }
  await watching;
});

interface Seen {
  readonly usn: string;
  readonly location: string;
}

/** What gssdp-discover saw within two seconds. */
async function discover(target: string, holds: (seen: readonly Seen[]) => boolean): Promise<readonly Seen[]> {
  const read = (output: string) =>
    [...output.matchAll(/USN:\s+(\S+)\s+Location:\s+(\S+)/g)].map(([, usn = "", location = ""]) => ({ usn, location }));
  const words = ["gssdp-discover", "-i", clientInterface, "-t", target, "-n", "2", "-m", "available"];
  return read(await client(words, (output) => holds(read(output))));
}

const mediaServer = "urn:schemas-upnp-org:device:MediaServer:1";
const locations = [5004, 5005].map((port) => `http://${serverAddress}:${port}/device.xml`);

for (const target of ["upnp:rootdevice", "ssdp:all", mediaServer])
  test(`gssdp-discover finds both devices by ${target}`, options, async () => {
    const seen = await discover(target, (all) =>
      locations.every((each) => all.some(({ location }) => location === each)),
    );
    const suffix = target === "ssdp:all" ? "" : `::${target}`;
    assert.ok(seen.every(({ usn }) => usn.startsWith("uuid:") && usn.endsWith(suffix)));
    if (target === "ssdp:all") assert.equal(new Set(seen.map(({ usn }) => usn)).size, 6);
  });

test("gssdp-discover finds a device by its uuid alone, where its description is", options, async () => {
  const { output } = await lab.client(["curl", "-sf", locations[0] ?? ""]);
  const own = /<UDN>(uuid:[^<]+)<\/UDN>/.exec(output)?.[1] ?? assert.fail(output);
  const seen = await discover(own, (all) => all.length > 0);
  assert.ok(
    seen.every(({ usn, location }) => usn === own && location === locations[0]),
    JSON.stringify(seen),
  );
});

test("gssdp-discover sees the devices come back with their network, and go with the headend", options, async () => {
  const words = ["gssdp-discover", "-i", clientInterface, "-t", "upnp:rootdevice", "-n", "15", "-m", "all"];
  const watching = lab.client(words, 30_000);
  await sleep(500);
  lab.ip("address del 10.77.0.1/24 dev hs0");
  lab.ip("address add 10.77.0.3/24 brd + dev hs0");
  // A look at the networks every five seconds, then the announcement.
  await sleep(7000);
  const { output: moved } = await lab.client(["hdhomerun_config", "discover"]);
  assert.match(moved, /hdhomerun device 10500009 found at 10\.77\.0\.3/);
  await lab.stop();
  const { output } = await watching;
  assert.match(output, /Location: http:\/\/10\.77\.0\.3:5004\/device\.xml/);
  assert.equal([...output.matchAll(/resource unavailable/g)].length >= 2, true, output);
});
