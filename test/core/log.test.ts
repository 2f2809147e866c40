// createLog(): levels, both formats, nothing secret, no faked lines, floods counted.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HeadendError } from "../../core/errors.ts";
import { createLog, type Level, type LogFormat } from "../../core/log.ts";
import { createTestClock } from "../support/clock.ts";

function open(format: LogFormat = "text", level: Level = "info") {
  const lines: string[] = [];
  const clock = createTestClock();
  const log = createLog({ level, format, clock, write: (line) => lines.push(line) });
  return { log, lines, clock };
}

/** Lines without their time, which depends on the time zone. */
const bare = (lines: readonly string[]) => lines.map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /, ""));

describe("createLog()", () => {
  it("writes time, level, label, sentence and details", () => {
    const { log, lines } = open();
    log.info("started");
    log.child("italia").warn("the guide is late", { hours: 3, source: "a b", list: [1, "x"], none: undefined });
    log
      .child("italia")
      .child("fetch")
      .error("gone", { error: new HeadendError("fetch.status", { url: "http://a", status: 404 }) });
    log.warn("no", { error: new TypeError("a", { cause: new Error("b", { cause: "c" }) }) });
    assert.match(lines[0] ?? "", /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /);
    assert.deepEqual(bare(lines), [
      "INFO  started",
      'WARN  italia: the guide is late hours=3 source="a b" list=[1,"x"]',
      'ERROR italia/fetch: gone error="fetch.status: http://a: answered 404"',
      'WARN  no error="TypeError: a (because of Error: b (because of c))"',
    ]);
  });

  it("writes one JSON object a line", () => {
    const { log, lines } = open("json");
    log
      .child("italia")
      .info("two\nlines", { at: new URL("http://u:p@h/"), big: 5n, error: new Error("a", { cause: "b" }) });
    log.info("bare");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [
        {
          time: "2026-01-01T12:00:00.000Z",
          level: "info",
          instance: "italia",
          sentence: "two\nlines",
          details: { at: "http://***@h/", big: "5", error: { code: "Error", sentence: "a", cause: "b" } },
        },
        { time: "2026-01-01T12:00:00.000Z", level: "info", sentence: "bare" },
      ],
    );
  });

  it("leaves out lines below its level, and changes for all at once", () => {
    const { log, lines } = open("text", "warn");
    const child = log.child("a");
    child.info("no");
    log.configure({ level: "debug", format: "json" });
    child.debug("yes", { error: new Error("x") });
    assert.equal(lines.length, 1);
    assert.match(JSON.parse(lines[0] ?? "").details.error.stack, /log\.test\.ts/);
  });

  it("keeps secrets to itself", () => {
    for (const format of ["text", "json"] as const) {
      const { log, lines } = open(format, "debug");
      log.info("get http://ana:hunter2@up.example/x?token=hunter2", {
        url: "http://up.example/?password=hunter2",
        password: "hunter2",
        headers: { Authorization: "hunter2", Cookie: "hunter2" },
        error: new Error("http://a:hunter2@b", { cause: new Error("https://c/?token=hunter2") }),
      });
      assert.equal(lines.length, 1);
      assert.doesNotMatch(lines[0] ?? "", /hunter2/);
      assert.match(lines[0] ?? "", /up\.example/);
    }
  });

  it("never writes more or less than one line, whatever it is given", () => {
    const circle: Record<string, unknown> = {
      trap: new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error("no");
          },
        },
      ),
    };
    circle.self = circle;
    const value = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true, withTypedArray: true }),
      fc.constant(circle),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), value, fc.constantFrom("text", "json"), (text, thing, format) => {
        const { log, lines } = open(format as LogFormat);
        log.child(text).info(text, { thing, symbol: Symbol("a"), f: () => 1 });
        log.info("x", circle);
        assert.equal(lines.length, 2);
        for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u);
        if (format === "json") for (const line of lines) JSON.parse(line);
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it("shows a line break instead of making one", () => {
    const { log, lines } = open();
    log.info("a\nERROR forged\u001b[2J\u202e");
    assert.deepEqual(bare(lines), ["INFO  a\\nERROR forged\\u{1b}[2J\\u{202e}"]);
  });

  it("shortens what is too long", () => {
    const { log, lines } = open();
    log.info("word ".repeat(100_000), { bytes: new Uint8Array(9), list: Array(30).fill(1) });
    assert.ok((lines[0]?.length ?? 0) < 5000);
    assert.match(lines[0] ?? "", /… bytes="9 bytes" list=\[.*"… 10 more"\]$/);
  });
});

describe("createLog() in a flood", () => {
  it("counts the same line and reports it once", async () => {
    const { log, lines, clock } = open();
    for (let n = 0; n < 1205; n++) log.child("a").warn("packet lost");
    log.child("b").warn("packet lost");
    await clock.advance(1000);
    assert.deepEqual(bare(lines), [
      "WARN  a: packet lost",
      "WARN  b: packet lost",
      "WARN  a: packet lost … 1,204 more times",
    ]);
  });

  it("lets some lines with other details through, then counts them too", async () => {
    const { log, lines, clock } = open();
    for (let n = 0; n < 25; n++) log.info("entry skipped", { n });
    await clock.advance(1000);
    assert.equal(lines.length, 21);
    assert.equal(bare(lines).at(-1), "INFO  entry skipped … 5 more times n=24");
  });

  it("reports less and less often while it goes on, and starts anew after it", async () => {
    const { log, lines, clock } = open();
    for (let second = 0; second < 60; second++) {
      log.info("again");
      log.info("again");
      await clock.advance(1000);
    }
    assert.ok(lines.length <= 6, String(lines.length));
    await clock.advance(120_000);
    const before = lines.length;
    log.info("again");
    assert.equal(lines.length, before + 1);
    await clock.advance(1000);
    assert.equal(clock.sleeping, 0);
  });

  it("says once more for a single repeat", async () => {
    const { log, lines, clock } = open();
    log.info("a");
    log.info("a");
    await clock.advance(1000);
    assert.deepEqual(bare(lines), ["INFO  a", "INFO  a … once more"]);
  });

  it("does not lose sentences that differ", () => {
    const { log, lines } = open();
    for (let n = 0; n < 3000; n++) log.info(`sentence ${n}`);
    assert.equal(lines.length, 3000);
  });
});
