// Listen addresses, networks, public addresses and ranges: what is taken and what is not.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  formatListen,
  isNetwork,
  isPublicUrl,
  isWebAddress,
  parseListen,
  parseNumberRange,
} from "../../../core/config/address.ts";

describe("parseListen()", () => {
  const cases: readonly [text: string, host: string | undefined, port?: number][] = [
    ["8888", "0.0.0.0", 8888],
    [":0", "0.0.0.0", 0],
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["tv.local:80", "tv.local", 80],
    ["[::1]:80", "::1", 80],
    ["[::]:80", "::", 80],
    ["::1:80", undefined],
    ["[x]:80", undefined],
    ["[1.2.3.4]:80", undefined],
    ["host", undefined],
    ["host:", undefined],
    ["host:65536", undefined],
    ["a b:1", undefined],
    ["http://a:1", undefined],
    ["", undefined],
  ];
  for (const [text, host, port] of cases) {
    it(`reads "${text}"`, () => assert.deepEqual(parseListen(text), host === undefined ? undefined : { host, port }));
  }

  it("reads what formatListen() writes", () => {
    const host = fc.oneof(fc.ipV4(), fc.constantFrom("::1", "fe80::1", "tv", "a-b.example"));
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
        assert.deepEqual(parseListen(formatListen({ host, port })), { host, port });
      }),
      { seed: 1 },
    );
  });
});

describe("isNetwork()", () => {
  it("takes addresses and networks of both versions", () => {
    for (const text of ["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "::1", "fd00::/8", "::/128"])
      assert.ok(isNetwork(text), text);
    for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "a/8", "1.2.3.4/8/8", "/8", ""]) {
      assert.ok(!isNetwork(text), text);
    }
  });
});

describe("isPublicUrl() and isWebAddress()", () => {
  it("take what a player can open", () => {
    for (const text of ["http://tv", "https://tv.example:8888/path/", "HTTP://[::1]:1"])
      assert.ok(isPublicUrl(text), text);
    for (const text of ["tv:80", "ftp://tv", "http://", "http:///a", "http://u:p@tv", "http://tv?a", "http://tv#a"]) {
      assert.ok(!isPublicUrl(text), text);
    }
    assert.ok(isWebAddress("http://u:p@tv/a?b"));
    assert.ok(!isWebAddress("javascript:1"));
  });
});

describe("parseNumberRange()", () => {
  it("takes two numbers in order", () => {
    assert.deepEqual(parseNumberRange(" 100 - 199"), { from: 100, to: 199 });
    assert.deepEqual(parseNumberRange("5-5"), { from: 5, to: 5 });
    for (const text of ["9-3", "0-5", "5", "-5", "a-b", "1-2-3", "1-99999999"])
      assert.equal(parseNumberRange(text), undefined);
  });
});
