// Addresses of datagram streams in the ways in which players write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, isMulticast, parseDatagramAddress } from "../../../../core/transport/udp/address.ts";

const rows: readonly (readonly [url: string, wanted: object | RegExp])[] = [
  ["udp://@239.0.0.1:1234", { host: "239.0.0.1", port: 1234, sources: [] }],
  ["udp://239.0.0.1:1234", { host: "239.0.0.1", port: 1234, sources: [] }],
  ["rtp://192.0.2.7@232.1.1.1:5000/", { host: "232.1.1.1", port: 5000, sources: ["192.0.2.7"] }],
  ["UDP://@:1234", { host: "", port: 1234, sources: [] }],
  ["udp://:1234?fifo_size=100&overrun_nonfatal=1", { host: "", port: 1234, sources: [] }],
  ["udp://tv.example:1234#x", { host: "tv.example", port: 1234, sources: [] }],
  ["udp://@[ff15::1]:1234", { host: "ff15::1", port: 1234, sources: [] }],
  ["udp://[2001:DB8:0::1]@[ff35::1]:9", { host: "ff35::1", port: 9, sources: ["2001:db8::1"] }],
  ["udp://@[ff02::1%25eth0]:1234", { host: "ff02::1", port: 1234, sources: [], interface: "eth0" }],
  ["udp://@[ff02::1%eth0]:1234", { host: "ff02::1", port: 1234, sources: [], interface: "eth0" }],
  ["udp://@239.0.0.1:1?localaddr=192.0.2.1", { host: "239.0.0.1", port: 1, sources: [], interface: "192.0.2.1" }],
  ["udp://@239.0.0.1:1?iface=eth1.2", { host: "239.0.0.1", port: 1, sources: [], interface: "eth1.2" }],
  [
    "udp://232.0.0.1:1?sources=192.0.2.1,192.0.2.2",
    { host: "232.0.0.1", port: 1, sources: ["192.0.2.1", "192.0.2.2"] },
  ],
  ["udp://239.0.0.1", /a port/],
  ["udp://239.0.0.1:0", /a port/],
  ["udp://239.0.0.1:12:34", /a port/],
  ["udp://me:pw@239.0.0.1:1234", /before the @/],
  ["udp://192.0.2.1@[ff15::1]:1234", /192\.0\.2\.1 cannot send to ff15::1/],
  ["udp://@[239.0.0.1]:1234", /no IPv6 address/],
  ["udp://@239.0.0.256:1234", /no IPv4 address/],
];

for (const [url, wanted] of rows)
  test(`parseDatagramAddress() reads ${url}`, () => {
    const read = parseDatagramAddress(url);
    if (wanted instanceof RegExp) assert.match(typeof read === "string" ? read : "", wanted);
    else assert.deepEqual(read, wanted);
  });

test("parseDatagramAddress() survives any text, and tells no secret of it", () => {
  const parts = fc.array(
    fc.constantFrom("@", ":", "[", "]", "?", "%", "1", "ff02::1", "239.0.0.1", "sources=", "&", ","),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        parts.map((all) => all.join("")),
      ),
      (text) => {
        const read = parseDatagramAddress(`udp://${text}`);
        if (typeof read !== "string") assert.ok(read.port > 0 && read.port < 65_536);
      },
    ),
  );
  assert.doesNotMatch(String(parseDatagramAddress("udp://me:secret@239.0.0.1:1234")), /secret/);
});

test("isMulticast() knows the groups of both families", () => {
  for (const group of ["224.0.0.1", "239.255.255.255", "ff02::1", "FF35::1"]) assert.ok(isMulticast(group));
  for (const other of ["223.255.255.255", "240.0.0.1", "2001:db8::1", "0.0.0.0", "ffx", ""])
    assert.ok(!isMulticast(other));
});

test("canonical() writes an address as senders' addresses are compared", () => {
  assert.equal(canonical("FE80:0::1%eth0"), "fe80::1");
  assert.equal(canonical("192.0.2.1"), "192.0.2.1");
});
