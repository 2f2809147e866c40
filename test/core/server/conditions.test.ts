// Conditional and partial requests, against a plain model.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFresh, partOf, wantsPart } from "../../../core/server/conditions.ts";

const version = { etag: '"a,b"', modified: Date.UTC(2026, 0, 2, 3, 4, 5) };

describe("isFresh()", () => {
  test("compares entity tags weakly, commas in quotes included", () => {
    for (const tags of ['"a,b"', 'W/"a,b"', '"x", W/"a,b"', '"x","a,b"', " * "]) {
      assert.ok(isFresh(new Headers({ "if-none-match": tags }), version), tags);
    }
    for (const tags of ['"a"', '"b"', "a,b", '"a,b', "", '"*"', '"x,"a,b""']) {
      assert.ok(!isFresh(new Headers({ "if-none-match": tags }), version), tags);
    }
  });

  test("asks the date only when no tag is given", () => {
    const since = "Sat, 03 Jan 2026 00:00:00 GMT";
    assert.ok(isFresh(new Headers({ "if-modified-since": since }), version));
    assert.ok(!isFresh(new Headers({ "if-modified-since": since, "if-none-match": '"x"' }), version));
    for (const date of ["2027", "2027-01-01", "", "Sat, 99 Foo 2026 00:00:00 GMT", "1e99"]) {
      assert.ok(!isFresh(new Headers({ "if-modified-since": date }), version), date);
    }
  });
});

test("wantsPart() is for GET only", () => {
  const request = (method: string) => new Request("http://tv/", { method, headers: { range: "bytes=0-" } });
  assert.ok(wantsPart(request("GET"), version));
  assert.ok(!wantsPart(request("HEAD"), version));
});

describe("partOf()", () => {
  test("gives the bytes that a slice would have", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.option(fc.nat(60)), fc.option(fc.nat(60)), (size, first, last) => {
        const part = partOf(`bytes=${first ?? ""}-${last ?? ""}`, size);
        const bytes = Array.from({ length: size }, (_, i) => i);
        const nonsense = first === null ? last === null : last !== null && last < first;
        if (nonsense) return assert.equal(part, undefined);
        const wanted =
          first === null ? bytes.slice(Math.max(0, size - (last ?? 0))) : bytes.slice(first, (last ?? size) + 1);
        if (wanted.length === 0) return assert.equal(part, "unsatisfiable");
        assert.ok(typeof part === "object");
        assert.deepEqual(bytes.slice(part.start, part.end), wanted);
      }),
    );
  });

  test("never gives bytes outside, whatever the header says", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(1000), (text, size) => {
        for (const header of [text, `bytes=${text}`]) {
          const part = partOf(header, size);
          if (typeof part === "object") assert.ok(part.start >= 0 && part.start < part.end && part.end <= size);
        }
      }),
    );
    assert.deepEqual(partOf("bytes=0-99999999999999999999999999", 5), { start: 0, end: 5 });
  });
});
