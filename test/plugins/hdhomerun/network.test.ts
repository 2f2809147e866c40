// Being found by a neighbour over networks that come and go, in network namespaces.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const able =
  spawnSync("unshare", ["-rn", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]).status === 0 &&
  spawnSync("nsenter", ["--version"]).status === 0;
const skip = able ? false : "needs Linux, `ip`, `nsenter`, and the right to make a network namespace (unshare -rn)";
const options = { skip, timeout: 60_000 } as const;

/** Runs a scenario of network-child.ts with the runtime that runs this. */
function run(scenario: string): void {
  const child = join(import.meta.dirname, "network-child.ts");
  const runtime = process.versions.bun ? [child] : ["run", "-A", "--no-check", child];
  const { stdout, stderr } = spawnSync("unshare", ["-rn", process.execPath, ...runtime, scenario], {
    encoding: "utf8",
    timeout: 55_000,
    env: { ...process.env, NO_COLOR: "1" },
  });
  assert.equal(stdout, "it works\n", stderr);
}

test("a search by broadcast is answered with the address of the network that it came by", options, () =>
  run("broadcast"),
);

test("a search by IPv6's group of one link is answered with the link's IPv4 address", options, () => run("ipv6"));

test("a search is answered only on the interfaces that were named", options, () => run("interfaces"));

test("a search from a public address is answered only when all are allowed", options, () => run("spoofed"));

test("a search from behind a router is answered with the address that leads back there", options, () => run("routed"));

test("SSDP announces the device on the Internet only when all are allowed", options, () => run("announced"));

test("SSDP answers on every network, those too that went and came back", options, () => run("ssdp"));
