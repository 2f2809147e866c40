// What requests accept.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { acceptsGzip, prefersText } from "../../../core/server/accept.ts";

test("acceptsGzip() weighs gzip against no encoding", () => {
  for (const header of [
    "gzip",
    "GZip",
    "x-gzip",
    "*",
    "br, gzip;q=0.001",
    "gzip;q=0.5, identity;q=0.5",
    "identity;q=0.2, *;q=0.3",
    " gzip ; q=1.000",
  ]) {
    assert.ok(acceptsGzip(header), header);
  }
  for (const header of [
    null,
    "",
    "identity",
    "br",
    "gzip;q=0",
    "gzip;q=0.000, *",
    "*;q=0",
    "gzip;q=0.4, identity;q=0.5",
    "xgzip",
    "gzipped",
  ]) {
    assert.ok(!acceptsGzip(header), String(header));
  }
});

test("acceptsGzip() takes any header", () => {
  fc.assert(fc.property(fc.string(), (header) => typeof acceptsGzip(header) === "boolean"));
});

test("prefersText() is true for browsers, false for programs", () => {
  assert.ok(prefersText("text/html,application/xhtml+xml,*/*;q=0.8"));
  for (const header of [null, "*/*", "application/json", "text/plain, application/json"])
    assert.ok(!prefersText(header));
});
