// SSDP messages as control points and devices write them, and as nobody should.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatAlive,
  formatByebye,
  formatSearch,
  formatSearchAnswer,
  parseNotify,
  parseSearch,
  parseSearchAnswer,
  parseSsdp,
  type SsdpService,
  serviceNames,
} from "../../../core/formats/ssdp.ts";

const wire = (...lines: readonly string[]) => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

const service: SsdpService = {
  target: "upnp:rootdevice",
  usn: "uuid:1-2::upnp:rootdevice",
  location: "http://10.0.0.5:5004/device.xml",
  server: "linux/1.0 UPnP/1.0 Headend/1.0",
  maxAge: 1800,
};

const search = ["M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 3", "ST: ssdp:all"];
/** The search with one of its lines replaced; without it where there is nothing to replace it. */
const altered = (name: string, line?: string) =>
  wire(...search.flatMap((each) => (each.startsWith(name) ? (line ?? []) : each)));

test("parseSearch() reads a search whatever the case of its names, the spaces and the ends of its lines", () => {
  assert.deepEqual(parseSearch(wire(...search)), { st: "ssdp:all", mx: 3 });
  assert.deepEqual(parseSearch(altered("MX")), { st: "ssdp:all" });
  const small = 'M-SEARCH * HTTP/1.1\nman:"ssdp:discover"\nSt:\tuuid:x \nmx:0\nX-Other.Name: a:b\n\n';
  assert.deepEqual(parseSearch(Buffer.from(small)), { st: "uuid:x", mx: 0 });
});

const refused: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ["no MAN", altered("MAN")],
  ["another MAN", altered("MAN", 'MAN: "ssdp:other"')],
  ["no ST", altered("ST")],
  ["an empty ST", altered("ST", "ST:")],
  ["an MX that is no number", altered("MX", "MX: soon")],
  ["a negative MX", altered("MX", "MX: -1")],
  ["another version", altered("M-SEARCH", "M-SEARCH * HTTP/1.0")],
  ["another path", altered("M-SEARCH", "M-SEARCH / HTTP/1.1")],
  ["a line without a colon", altered("HOST", "HOST")],
  ["a control character", altered("ST", "ST: a\0b")],
  ["a bare carriage return", altered("ST", "ST: a\rLOCATION: http://x/")],
  ["more headers than any has", wire(...search, ...Array.from({ length: 100 }, (_, index) => `X${index}: 1`))],
  ["too much", wire(...search, `X: ${"x".repeat(5000)}`)],
  ["nothing", new Uint8Array(0)],
];
for (const [what, bytes] of refused)
  test(`parseSearch() refuses ${what}`, () => assert.equal(parseSearch(bytes), undefined));

test("parseSearch() is not held up by lines of spaces", () => {
  for (const filler of [" ", "\t", ":", " :"]) parseSearch(altered("ST", `ST:${filler.repeat(1900)}\0`));
});

test("formatSearchAnswer() writes every header that clients want", () => {
  assert.equal(
    text(formatSearchAnswer(service, Date.UTC(2026, 0, 1, 12))),
    "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nDATE: Thu, 01 Jan 2026 12:00:00 GMT\r\nEXT:\r\n" +
      "LOCATION: http://10.0.0.5:5004/device.xml\r\nSERVER: linux/1.0 UPnP/1.0 Headend/1.0\r\n" +
      "ST: upnp:rootdevice\r\nUSN: uuid:1-2::upnp:rootdevice\r\n\r\n",
  );
});

test("formatAlive() and formatByebye() write announcements", () => {
  const alive = parseSsdp(formatAlive(service));
  assert.equal(alive?.start, "NOTIFY * HTTP/1.1");
  assert.deepEqual(
    [...(alive?.headers.keys() ?? [])],
    ["host", "cache-control", "location", "nt", "nts", "server", "usn"],
  );
  assert.equal(alive?.headers.get("host"), "239.255.255.250:1900");
  assert.equal(
    text(formatByebye(service)),
    "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\nNTS: ssdp:byebye\r\nUSN: uuid:1-2::upnp:rootdevice\r\n\r\n",
  );
});

test("serviceNames() gives each target its own USN", () => {
  assert.deepEqual(serviceNames("1-2", "urn:x:1"), [
    { target: "upnp:rootdevice", usn: "uuid:1-2::upnp:rootdevice" },
    { target: "uuid:1-2", usn: "uuid:1-2" },
    { target: "urn:x:1", usn: "uuid:1-2::urn:x:1" },
  ]);
});

test("what is written is read again", () => {
  const word = fc.stringMatching(/^[!-~]{1,40}$/);
  const services = fc.record(
    { target: word, usn: word, location: word, server: word, maxAge: fc.nat(99_999) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(services, fc.nat(120), (each, mx) => {
      assert.deepEqual(parseSearchAnswer(formatSearchAnswer(each, 0)), each);
      assert.deepEqual(parseNotify(formatAlive(each)), { alive: true, service: each });
      assert.equal(parseNotify(formatByebye(each))?.alive, false);
      assert.deepEqual(parseSearch(formatSearch({ st: each.target, mx })), { st: each.target, mx });
    }),
  );
});

test("no bytes make a reader of messages fail", () => {
  const pieces = fc.constantFrom(
    ...search,
    "\r\n",
    "\n",
    "\0",
    ":",
    " ",
    "HTTP/1.1 200 OK",
    "NTS: ssdp:alive",
    "é",
    "NT: x",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 500 }),
        fc.array(pieces).map((all) => Buffer.from(all.join("\r\n"))),
        fc.array(pieces).map((all) => Buffer.from(all.join(""))),
      ),
      (bytes) => {
        parseNotify(bytes);
        parseSearchAnswer(bytes);
        const found = parseSearch(bytes);
        assert.ok(!found || /^[^\r\n\0]+$/.test(found.st));
      },
    ),
    { numRuns: 1000 },
  );
});
