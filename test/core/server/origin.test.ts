// Hosts, forwarded headers and networks.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createNetworks, forwardedBase, isCrossSite, isHost, pathOf } from "../../../core/server/origin.ts";

describe("isHost()", () => {
  test("takes names, addresses and ports", () => {
    for (const host of [
      "tv",
      "nas:80",
      "my_box.lan",
      "10.0.0.1:8888",
      "[::1]",
      "[fe80::1]:8888",
      "xn--e1a.example",
      "a.b.",
    ]) {
      assert.ok(isHost(host), host);
    }
  });

  test("takes nothing that could leave its place in a document", () => {
    const hostile = [
      "",
      " ",
      "a b",
      "a\nb",
      'a"b',
      "<script>",
      "a/b",
      "a?b",
      "a#b",
      "u@h",
      "a,b",
      "%41",
      "h:x",
      "h:99999",
      "..",
      "-a",
      "[::1",
      "[zz]",
      "\u00e9",
      "a:1:2",
    ];
    for (const host of hostile) assert.ok(!isHost(host), host);
    fc.assert(fc.property(fc.string(), (text) => !isHost(text) || /^[\w.[\]:-]+$/.test(text)));
  });
});

test("pathOf() is the path as it was sent", () => {
  const paths = {
    "http://tv": "/",
    "http://tv/": "/",
    "http://tv/a/../b?c=/d": "/a/../b",
    "http://tv/a//b#c": "/a//b#c",
  };
  for (const [url, path] of Object.entries(paths)) assert.equal(pathOf(url), path);
});

test("createNetworks() knows addresses of both families, mapped ones too", () => {
  const networks = createNetworks(["10.0.0.0/8", "192.168.1.5", "fd00::/8", "::1"]);
  for (const address of ["10.9.8.7", "::ffff:10.9.8.7", "192.168.1.5", "fd12::1", "::1"])
    assert.ok(networks.has({ address }), address);
  for (const address of ["11.0.0.1", "192.168.1.6", "fe80::1", "", "tv", "::ffff:11.0.0.1"])
    assert.ok(!networks.has({ address }), address);
  assert.ok(!createNetworks([]).has({ address: "10.0.0.1" }));
});

test("forwardedBase() takes what is sound and leaves the rest", () => {
  const base = (headers: Record<string, string>) => forwardedBase(new Request("http://inside:8888/x", { headers }));
  assert.equal(base({}), "http://inside:8888");
  assert.equal(base({ "x-forwarded-proto": "https", "x-forwarded-host": "tv.example" }), "https://tv.example");
  assert.equal(
    base({ "x-forwarded-proto": "HTTPS, http", "x-forwarded-host": "tv.example, inner" }),
    "https://tv.example",
  );
  assert.equal(
    base({ "x-forwarded-host": "tv.example", "x-forwarded-port": "8443", "x-forwarded-proto": "https" }),
    "https://tv.example:8443",
  );
  assert.equal(
    base({ "x-forwarded-host": "tv.example", "x-forwarded-port": "443", "x-forwarded-proto": "https" }),
    "https://tv.example",
  );
  assert.equal(base({ "x-forwarded-host": "tv.example:9", "x-forwarded-port": "8443" }), "http://tv.example:9");
  assert.equal(base({ "x-forwarded-host": "tv.example", "x-forwarded-prefix": "/tv/" }), "http://tv.example/tv");
  for (const prefix of ["//evil", "/a b", '/"x', "tv", "/a?b", "/../.."]) {
    assert.ok(
      ["http://tv.example", "http://tv.example/../.."].includes(
        base({ "x-forwarded-host": "tv.example", "x-forwarded-prefix": prefix }),
      ),
      prefix,
    );
  }
  assert.equal(
    base({ "x-forwarded-host": 'a"><script>', "x-forwarded-proto": "javascript", "x-forwarded-port": "1 2" }),
    "http://inside:8888",
  );
});

test("isCrossSite() lets pages of ours and programs pass", () => {
  const cross = (headers: Record<string, string>) =>
    isCrossSite(new Request("http://tv:8888/", { headers }), "https://tv.example/tv");
  for (const headers of [
    {},
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
    { origin: "http://tv:8888" },
    { origin: "https://tv.example" },
  ]) {
    assert.ok(!cross(headers), JSON.stringify(headers));
  }
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "null" },
    { origin: "http://tv" },
    { origin: "https://evil.example" },
  ]) {
    assert.ok(cross(headers), JSON.stringify(headers));
  }
});
