// Sessions: whom a cookie lets in, for how long, and what no cookie can say.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cookieName, createSessions, formatSetCookie } from "../../../core/server/sessions.ts";
import { createTestClock } from "../../support/clock.ts";

const key = new Uint8Array(32).fill(7);
const users = { ana: { password: "a", role: "admin" as const }, "b:ö b": { password: "b" }, none: { password: "" } };
const day = 86_400_000;

test("createSessions() lets in whom it issued a cookie, until it is thirty days old", async () => {
  const clock = createTestClock();
  const sessions = createSessions({ users, tokens: {} }, key, clock);
  for (const user of ["ana", "b:ö b"]) {
    const cookie = `x=1; ${cookieName}=${sessions.issue(user)}; y`;
    assert.deepEqual(sessions.read(cookie), { user, old: false });
  }
  const cookie = `${cookieName}=${sessions.issue("ana")}`;
  await clock.advance(15 * day + 1);
  assert.deepEqual(sessions.read(cookie), { user: "ana", old: true });
  await clock.advance(15 * day - 2);
  assert.ok(sessions.read(cookie));
  await clock.advance(1);
  assert.equal(sessions.read(cookie), undefined);
});

test("createSessions() forgets a user with another password, another role, or none", () => {
  const clock = createTestClock();
  const cookie = `${cookieName}=${createSessions({ users, tokens: {} }, key, clock).issue("ana")}`;
  const read = (next: object, by = key) =>
    createSessions({ users: next as typeof users, tokens: {} }, by, clock).read(cookie)?.user;
  assert.equal(read(users), "ana");
  assert.equal(read({ ...users, ana: { password: "other", role: "admin" } }), undefined);
  assert.equal(read({ ...users, ana: { password: "a", role: "viewer" } }), undefined);
  assert.equal(read({ bob: users.ana }), undefined);
  assert.equal(read(users, new Uint8Array(32)), undefined);
  const empty = createSessions({ users, tokens: {} }, key, clock);
  for (const user of ["none", "constructor", "nobody"])
    assert.equal(empty.read(`${cookieName}=${empty.issue(user)}`), undefined, user);
});

test("createSessions() takes no cookie that it did not issue", () => {
  const sessions = createSessions({ users, tokens: {} }, key, createTestClock());
  const good = sessions.issue("ana");
  assert.ok(sessions.read(`${cookieName}=${good}`));
  fc.assert(
    fc.property(fc.string(), fc.nat(good.length), fc.nat(good.length), (text, from, to) => {
      const forged = good.slice(0, Math.min(from, to)) + text + good.slice(Math.max(from, to));
      const found = sessions.read(`${cookieName}=${forged}`);
      assert.ok(!found || forged.split(";")[0]?.trim() === good, forged);
      assert.equal(sessions.read(text), undefined);
    }),
  );
  assert.equal(sessions.read(`${`${cookieName}=x; `.repeat(200)}${cookieName}=${good}`), undefined);
});

test("formatSetCookie() keeps scripts, other sites and plain connections away", () => {
  assert.equal(formatSetCookie("v", true), "headend=v; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
  assert.equal(formatSetCookie(undefined, false), "headend=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
});
