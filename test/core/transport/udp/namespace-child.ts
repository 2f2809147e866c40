// Runs inside a network namespace with an interface of its own, `v0`, and says what its sockets received.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import process from "node:process";
import type { DialContext, Opener } from "../../../../core/transport/context.ts";
import { type DatagramSource, openRtp, openUdp } from "../../../../core/transport/udp.ts";
import { bound, createGatherClock, cut, openSender, packet, readUntil, stream } from "./sending.ts";

function ip(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  assert.equal(status, 0, `ip ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function raise(): void {
  ip("link", "add", "v0", "type", "veth", "peer", "name", "v1");
  ip("address", "add", "10.77.0.1/24", "dev", "v0");
  ip("address", "add", "fd77::1/64", "dev", "v0", "nodad");
  ip("address", "add", "fe80::77/64", "dev", "v0", "nodad");
  ip("link", "set", "v0", "up");
  ip("link", "set", "v1", "up");
  // The kernel routes groups through it only when it has seen the other end.
  for (let turn = 0; turn < 1000; turn++)
    if (ip("-6", "route", "show", "table", "all").includes("ff00::/8 dev v0")) return;
  assert.fail("v0 does not come up");
}

const clock = createGatherClock();
const warned: string[] = [];
const log = { debug() {}, info() {}, error() {}, warn: (sentence: string) => void warned.push(sentence) };
// Datagrams need nothing else of it.
const context = { clock, log, interface: "v0", ffmpeg: {} } as unknown as DialContext;
const open = (opener: Opener, url: string) =>
  opener(url, { signal: new AbortController().signal }, context) as Promise<DatagramSource>;

/** Sends to a group, from an address and through `v0`, and reads all of it. */
async function relay(opener: Opener, url: string, group: string, from: string, datagrams: readonly Uint8Array[]) {
  const opening = open(opener, url);
  await bound();
  const sender = await openSender(group, 5000, from, group.includes(":") ? "::%v0" : from);
  await sender.send(...datagrams);
  const source = await opening;
  const read = await readUntil(source.chunks, stream.length);
  assert.equal(Buffer.compare(read, stream), 0);
  return { source, sender };
}

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async ipv6() {
    await relay(openUdp, "udp://@[ff15::77]:5000", "ff15::77", "::", cut(stream));
    const packets = cut(stream).map((payload, index) => packet(index, payload));
    const { source } = await relay(openRtp, "rtp://@[ff02::77]:5000", "ff02::77", "::", packets);
    assert.equal(source.how, "rtp multicast");
  },
  async sources() {
    const stranger = await openSender("ff35::77", 5000, "fe80::77%v0", "::%v0");
    const opening = relay(openUdp, "udp://[fd77::1]@[ff35::77]:5000", "ff35::77", "fd77::1", cut(stream));
    await bound();
    await stranger.send(...cut(stream).slice(0, 5));
    await opening;
  },
  async rejoin() {
    const { source } = await relay(openUdp, "udp://@239.77.0.1:5000", "239.77.0.1", "10.77.0.1", cut(stream));
    ip("link", "delete", "v0");
    await clock.advance(5000);
    assert.equal(warned.length, 1);
    assert.match(warned[0] ?? "", /no network interface is called v0; .*it is tried again every second/);
    raise();
    await clock.advance(1000);
    const sender = await openSender("239.77.0.1", 5000, "10.77.0.1");
    await sender.send(...cut(stream));
    assert.equal(Buffer.compare(await readUntil(source.chunks, stream.length), stream), 0);
    assert.equal(warned.length, 1);
  },
};

raise();
const scenario = scenarios[process.argv[2] ?? ""];
assert.ok(scenario);
await scenario();
process.stdout.write("it works\n");
process.exit(0);
