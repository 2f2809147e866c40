// Users, path tokens, and what the log says of those who have neither.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HeadendError } from "../../../core/errors.ts";
import { type AccessConfig, createAccess, splitToken } from "../../../core/server/access.ts";
import { createSecrets, credentialsOf } from "../../../core/server/secrets.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "./support.ts";

const config = { users: { ana: { password: "p:\u00e4ss" }, bob: { password: "b" } }, tokens: { tv: "s3cret-token" } };
const peer = { address: "10.0.0.9" };

function setUp(access: AccessConfig = config) {
  const log = createTestLog();
  const clock = createTestClock();
  const gate = createAccess(access, log, clock);
  const basic = (text: string, encoding: "utf8" | "latin1" = "utf8") =>
    `Basic ${Buffer.from(text, encoding).toString("base64")}`;
  const admit = (path: string, authorization?: string) =>
    gate.admit(
      path,
      new Request("http://tv/", { headers: authorization === undefined ? {} : { authorization } }),
      peer,
    );
  return { log, clock, basic, admit };
}

const code = (wanted: string) => (error: unknown) => error instanceof HeadendError && error.code === wanted;

describe("createAccess()", () => {
  test("lets everybody in when nobody is named", () => {
    const { admit } = setUp({ users: {}, tokens: {} });
    assert.equal(admit("/playlist.m3u"), undefined);
    assert.equal(admit("/t/x/playlist.m3u"), undefined);
  });

  test("lets users in, whatever encoding their client has", () => {
    const { admit, basic, log } = setUp();
    for (const header of [
      basic("ana:p:\u00e4ss"),
      basic("ana:p:\u00e4ss", "latin1"),
      basic("bob:b").replace("Basic", "bAsIc  "),
    ]) {
      assert.equal(admit("/x", header), undefined, header);
    }
    assert.deepEqual(log.lines, []);
  });

  test("keeps everybody else out, but not from /healthz", () => {
    const { admit, basic } = setUp();
    const wrong = ["ana:b", "bob:p:\u00e4ss", "ana", ":", "", "ana:", "bob:b\0", "eve:b", "ana:p:\u00e4ss "].map(
      (text) => basic(text),
    );
    for (const header of [undefined, "", "Basic", "Basic !", "Bearer x", "Digest x", ...wrong]) {
      assert.throws(() => admit("/x", header), code("access.required"), header);
      assert.equal(admit("/healthz", header), undefined);
    }
    for (const path of [
      "/healthz/",
      "/healthz/x",
      "//healthz",
      "/HEALTHZ",
      "/readyz",
      "/t",
      "/t/",
      "/T/s3cret-token/",
    ]) {
      assert.throws(() => admit(path), code("access.required"), path);
    }
  });

  test("lets a path token in", () => {
    const { admit } = setUp();
    assert.equal(admit("/t/s3cret-token/playlist.m3u"), "s3cret-token");
    for (const token of ["s3cret-toke", "s3cret-token2", "x", "tv", "%00", "%zz"]) {
      assert.throws(() => admit(`/t/${token}/playlist.m3u`), code("access.token"), token);
    }
  });

  test("never opens for an empty secret", () => {
    const { admit, basic } = setUp({ users: { ana: { password: "" } }, tokens: { tv: "" } });
    assert.throws(() => admit("/x"), code("access.required"));
    assert.throws(() => admit("/x", basic("ana:")), code("access.required"));
    assert.throws(() => admit("/t//x"), code("access.required"));
  });

  test("logs refusals once a minute with their number, never the secret", async () => {
    const { admit, basic, log, clock } = setUp();
    for (let i = 0; i < 5; i++) assert.throws(() => admit("/x", basic("ana:hunter2")));
    assert.throws(() => admit("/t/hunter2hunter2/x"));
    assert.throws(() => admit("/x"));
    assert.deepEqual(log.lines, ["10.0.0.9 came with a wrong user or password"]);
    await clock.advance(60_000);
    assert.throws(() => admit("/t/hunter2hunter2/x"));
    assert.deepEqual(log.lines[1], '10.0.0.9 came with an unknown access token {"refusedBefore":5}');
  });
});

test("createSecrets() has what it was given and nothing else", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (secrets, other) => {
      const set = createSecrets(secrets);
      for (const secret of secrets) assert.equal(set.has(secret), secret !== "");
      assert.equal(set.has(other), other !== "" && secrets.includes(other));
    }),
  );
  // The same secret twice is still one.
  assert.ok(createSecrets(["a", "a"]).has("a"));
});

test("credentialsOf() and splitToken() take any text", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      credentialsOf(text);
      const split = splitToken(text);
      if (split) assert.ok(text.startsWith(`/t/${split.token}`));
    }),
  );
  assert.deepEqual(splitToken("/t/abc"), { token: "abc", rest: "/" });
  assert.deepEqual(splitToken("/t/abc/x/y"), { token: "abc", rest: "/x/y" });
});
