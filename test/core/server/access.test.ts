// Users, path tokens, and what the log says of those who have neither.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { HeadendError } from "../../../core/errors.ts";
import { type AccessConfig, createAccess, roleOf, splitToken } from "../../../core/server/access.ts";
import { createAttempts } from "../../../core/server/attempts.ts";
import { createSecrets, credentialsOf } from "../../../core/server/secrets.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "./support.ts";

const config = { users: { ana: { password: "p:\u00e4ss" }, bob: { password: "b" } }, tokens: { tv: "s3cret-token" } };
const here = "10.0.0.9";

function setUp(access: AccessConfig = config) {
  const log = createTestLog();
  const clock = createTestClock();
  const gate = createAccess({ config: access, log, clock, attempts: createAttempts(clock), key: Buffer.alloc(32, 7) });
  const basic = (text: string, encoding: "utf8" | "latin1" = "utf8") =>
    `Basic ${Buffer.from(text, encoding).toString("base64")}`;
  const admit = async (path: string, authorization?: string, client = here) =>
    gate.admit(
      path,
      new Request("http://tv/", { headers: authorization === undefined ? {} : { authorization } }),
      client,
    );
  return { log, clock, basic, admit, gate };
}

const code = (wanted: string) => ({ name: "HeadendError", code: wanted });

describe("createAccess()", () => {
  test("lets everybody in when nobody is named", async () => {
    const { admit } = setUp({ users: {}, tokens: {} });
    assert.deepEqual(await admit("/playlist.m3u"), {});
    assert.deepEqual(await admit("/t/x/playlist.m3u"), {});
  });

  test("lets users in, whatever encoding their client has", async () => {
    const { admit, basic, log } = setUp();
    for (const header of [
      basic("ana:p:\u00e4ss"),
      basic("ana:p:\u00e4ss", "latin1"),
      basic("bob:b").replace("Basic", "bAsIc  "),
    ]) {
      assert.equal((await admit("/x", header)).role, "admin", header);
    }
    assert.deepEqual(log.lines, []);
  });

  test("keeps everybody else out, but not from /healthz and the login form", async () => {
    const { admit, basic } = setUp();
    const wrong = ["ana:b", "bob:p:\u00e4ss", "ana", ":", "", "ana:", "bob:b\0", "eve:b", "ana:p:\u00e4ss "].map(
      (text) => basic(text),
    );
    for (const [index, header] of [undefined, "", "Basic", "Basic !", "Bearer x", "Digest x", ...wrong].entries()) {
      await assert.rejects(admit("/x", header, `10.0.1.${index}`), code("access.required"), header);
      for (const path of ["/healthz", "/login", "/logout"])
        assert.deepEqual(await admit(path, header), { role: "viewer", stranger: true });
    }
    for (const path of [
      "/healthz/",
      "/healthz/x",
      "//healthz",
      "/HEALTHZ",
      "/login/x",
      "/readyz",
      "/t",
      "/t/",
      "/T/s3cret-token/",
    ]) {
      await assert.rejects(admit(path), code("access.required"), path);
    }
  });

  test("lets a path token in, as a viewer", async () => {
    const { admit } = setUp();
    assert.deepEqual(await admit("/t/s3cret-token/playlist.m3u"), { token: "s3cret-token", role: "viewer" });
    for (const token of ["s3cret-toke", "s3cret-token2", "x", "tv", "%00", "%zz"]) {
      await assert.rejects(admit(`/t/${token}/playlist.m3u`), code("access.token"), token);
    }
  });

  test("never opens for an empty secret", async () => {
    const { admit, basic } = setUp({ users: { ana: { password: "" } }, tokens: { tv: "" } });
    await assert.rejects(admit("/x"), code("access.required"));
    await assert.rejects(admit("/x", basic("ana:")), code("access.required"));
    await assert.rejects(admit("/t//x"), code("access.required"));
  });

  test("logs refusals once a minute with their number, never the secret", async () => {
    const { admit, basic, log, clock } = setUp();
    for (let i = 0; i < 5; i++) await assert.rejects(admit("/x", basic("ana:hunter2")));
    await assert.rejects(admit("/t/hunter2hunter2/x"));
    await assert.rejects(admit("/x"));
    assert.deepEqual(log.lines, ["10.0.0.9 came with a wrong user or password"]);
    await clock.advance(60_000);
    await assert.rejects(admit("/t/hunter2hunter2/x"));
    assert.deepEqual(log.lines[1], '10.0.0.9 came with an unknown access token {"refusedBefore":5}');
  });

  test("takes all for admins until somebody has a role; then those without are viewers", () => {
    const none = { users: { ana: { password: "a" }, bob: { password: "b" } }, tokens: {} };
    assert.deepEqual([roleOf(none, "ana"), roleOf(none, "bob")], ["admin", "admin"]);
    const one = { users: { ana: { password: "a", role: "admin" as const }, bob: { password: "b" } }, tokens: {} };
    assert.deepEqual(
      [roleOf(one, "ana"), roleOf(one, "bob"), roleOf(one, "constructor")],
      ["admin", "viewer", "viewer"],
    );
  });

  test("makes who guesses wait, and nobody else", async () => {
    const { admit, basic, clock } = setUp();
    const wrong = (client = here) => admit("/x", basic(`ana:guess ${Math.random()}`), client);
    assert.equal((await admit("/x", basic("bob:b"))).user, "bob");
    for (let i = 0; i < 10; i++) await assert.rejects(wrong(), code("access.required"));
    const waits: (number | undefined)[] = [];
    for (let round = 0; round < 4; round++) {
      const error: HeadendError = await wrong().then(
        () => assert.fail("it came in"),
        (thrown) => thrown,
      );
      assert.equal(error.code, "access.limited");
      waits.push(error.seconds);
      await assert.rejects(
        admit("/x", basic("ana:p:\u00e4ss")),
        code("access.limited"),
        "the right one has to wait, too",
      );
      assert.equal((await admit("/x", basic("bob:b"))).user, "bob", "who was right here before goes on");
      assert.equal((await admit("/x", basic("ana:p:\u00e4ss"), `10.0.0.${50 + round}`)).user, "ana");
      await clock.advance((error.seconds ?? 0) * 1000);
      await assert.rejects(wrong(), code("access.required"));
    }
    assert.deepEqual(waits, [10, 20, 40, 80]);
    await clock.advance(2 * 3_600_000);
    assert.equal((await admit("/x", basic("ana:p:\u00e4ss"))).user, "ana");
  });
});

test("one IPv6 network has no more dear work waiting than one address", async () => {
  const password = "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const { gate } = setUp({ users: { ana: { password } }, tokens: {} });
  const tries = Array.from({ length: 8 }, (_, i) =>
    gate.login("ana", `guess ${i}`, `2001:db8::${i + 1}`).catch((error: HeadendError) => error.code),
  );
  const codes = await Promise.all(tries);
  assert.deepEqual([codes.filter((each) => each === "access.busy").length, codes.length], [4, 8]);
});

test("createSecrets() has what it was given and nothing else", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (secrets, other) => {
      const set = createSecrets(secrets.map((secret) => [secret, `is ${secret}`]));
      for (const secret of secrets) assert.equal(set.find(secret), secret === "" ? undefined : `is ${secret}`);
      assert.equal(set.find(other) !== undefined, other !== "" && secrets.includes(other));
    }),
  );
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
