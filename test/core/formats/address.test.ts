// What people get wrong in addresses.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findAddressFault } from "../../../core/formats/address.ts";

describe("findAddressFault()", () => {
  it("finds nothing wrong with addresses and paths", () => {
    for (const good of [
      "http://tv.example/list.m3u",
      "HTTPS://u:p%40ss@tv.example:8080/get.php?username=a&password=b",
      "file:///srv/list.m3u",
      "/srv/list.m3u",
      "./list.m3u",
      "list.m3u",
      "guides/italy1.xml.gz",
      "C:\\tv\\list.m3u",
    ])
      assert.equal(findAddressFault(good), undefined, good);
  });

  it("says what is wrong", () => {
    assert.match(findAddressFault("htp://tv.example/l") ?? "", /^htp: is nothing to fetch from/);
    assert.match(findAddressFault("ftp://tv.example/l") ?? "", /^ftp:/);
    assert.match(findAddressFault("127.0.0.1:9911/x.m3u") ?? "", /http:\/\/ is missing before 127\.0\.0\.1:9911/);
    assert.match(findAddressFault("www.example.org/x.m3u") ?? "", /http:\/\/ is missing/);
    assert.match(findAddressFault("~/x.m3u") ?? "", /whole path/);
    assert.match(findAddressFault("http://u:p:99999@@/ x") ?? "", /percent-encoded/);
  });

  it("answers for any text", () => {
    fc.assert(fc.property(fc.string(), (text) => ["string", "undefined"].includes(typeof findAddressFault(text))));
  });
});
