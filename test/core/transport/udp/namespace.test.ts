// Multicast over an interface that comes and goes, and over IPv6, in a network namespace of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const able =
  spawnSync("unshare", ["-rn", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]).status === 0;
const skip = able ? false : "needs Linux, `ip`, and the right to make a network namespace (unshare -rn)";

/** Runs a scenario of namespace-child.ts with the runtime that runs this. */
function run(scenario: string): void {
  const child = join(import.meta.dirname, "namespace-child.ts");
  const runtime = process.versions.bun ? [child] : ["run", "-A", "--no-check", child];
  const { stdout, stderr } = spawnSync("unshare", ["-rn", process.execPath, ...runtime, scenario], {
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.equal(stdout, "it works\n", stderr);
}

test("openUdp() and openRtp() join groups of IPv6, those of one link too", { skip }, () => run("ipv6"));

test("openUdp() takes of a group of IPv6 only what the named source sends", { skip }, () => run("sources"));

test("openUdp() joins its group again when the interface has gone and come back", { skip }, () => run("rejoin"));
