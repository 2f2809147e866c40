// Whose address is whose: near or far, on which link, and the addresses that all take for theirs.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { isNearAddress, isWantedLink, listLinks, plainAddress } from "../../../../core/transport/udp/links.ts";

const near = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.9.9", "127.0.0.1", "127.9.9.9"];
const near6 = ["::1", "fe80::1", "fe80::1%eth0", "febf::1", "fc00::1", "fd12:3456::1", "::ffff:10.0.0.1"];
const far = ["8.8.8.8", "172.15.255.255", "172.32.0.0", "192.169.0.1", "11.0.0.1", "0.0.0.0", "255.255.255.255"];
const far6 = ["2001:db8::1", "fec0::1", "ff02::1", "::", "::ffff:8.8.8.8", "::2", "fb00::1"];

test("isNearAddress() knows private, link-local and loopback addresses, and no others", () => {
  for (const address of [...near, ...near6]) assert.ok(isNearAddress(address), address);
  for (const address of [...far, ...far6, "", "x", "10.0.0", "10.0.0.1.1", "10.0.0.256", "localhost"])
    assert.ok(!isNearAddress(address), address);
});

test("plainAddress() takes away zones, and the form of IPv6 from what is IPv4", () => {
  assert.equal(plainAddress("fe80::1%eth0"), "fe80::1");
  assert.equal(plainAddress("::FFFF:10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("10.0.0.1"), "10.0.0.1");
});

test("listLinks() tells of every address of the system where neighbours reach it", () => {
  const links = listLinks();
  for (const [name, addresses = []] of Object.entries(networkInterfaces()))
    for (const { address, internal } of addresses) {
      const link = links.find((each) => each.name === name) ?? assert.fail(name);
      assert.ok(link.addresses.includes(plainAddress(address)));
      assert.equal(link.addressFor(address), plainAddress(address));
      assert.equal(link.internal, internal);
    }
  const loopback = links.find(({ addresses }) => addresses.includes("127.0.0.1")) ?? assert.fail("no loopback");
  assert.equal(loopback.ipv4, "127.0.0.1");
  assert.equal(loopback.addressFor("127.0.0.77"), "127.0.0.1");
  assert.equal(loopback.addressFor("fe80::1%other"), undefined);
  assert.equal(loopback.addressFor("8.8.8.8"), undefined);
  assert.equal(loopback.addressFor("nonsense"), undefined);
  assert.ok(loopback.isBroadcast("127.255.255.255"));
  assert.ok(!loopback.isBroadcast("127.0.0.1"));
});

test("isWantedLink() takes all but loopback, or what is named", () => {
  const loopback = listLinks().find(({ internal }) => internal) ?? assert.fail("no loopback");
  assert.ok(!isWantedLink(loopback, undefined));
  assert.ok(!isWantedLink(loopback, []));
  assert.ok(!isWantedLink(loopback, ["other"]));
  for (const name of [loopback.name, "127.0.0.1"]) assert.ok(isWantedLink(loopback, ["other", name]));
});
