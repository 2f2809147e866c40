// Users, roles and sessions of a real process, as browsers and players meet them.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { command, runHeadend, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

const page = { accept: "text/html,application/xhtml+xml" };
const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });

/** What `headend password` prints for a password. */
async function hashOf(password: string): Promise<string> {
  const [file = "", ...words] = command;
  const child = spawn(file, [...words, "password"], { stdio: ["pipe", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin.end(`${password}\n`);
  assert.equal(await ended, 0);
  return printed.trim();
}

async function logIn(
  base: string,
  user: string,
  password: string,
  more: Record<string, string> = {},
  next = "/api/status",
) {
  const body = new URLSearchParams({ user, password, next });
  const answer = await fetch(`${base}/login`, {
    method: "POST",
    body,
    redirect: "manual",
    headers: { ...page, ...more },
  });
  const cookie = answer.headers.get("set-cookie") ?? "";
  return { answer, cookie, headers: { cookie: cookie.split(";")[0] ?? "" } };
}

test("users log in by a form and stay so over a restart; roles say what they may", { timeout }, () =>
  withFolder(async (folder) => {
    const file = join(folder, "headend.yaml");
    const config = (hash: string) =>
      `access:\n  users:\n    ana: { password: '${hash}', role: admin }\n    bob: { password: "p:w" }\n  tokens: { tv: 0123456789abcdef }\ninstances: { card: { use: testcard } }\n`;
    const hash = await hashOf("correct horse");
    assert.match(hash, /^\$scrypt\$ln=15,r=8,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    await writeFile(file, config(hash));
    let cookie = "";
    const ask = async (base: string, path: string, headers: Record<string, string>, method = "GET") => {
      const answer = await fetch(base + path, { method, headers, redirect: "manual" });
      await answer.body?.cancel();
      return answer;
    };
    const refresh = "/api/instances/card/refresh";

    await serving(
      folder,
      async ({ base }) => {
        const sent = await ask(base, "/api/status?x=1", page);
        assert.deepEqual([sent.status, sent.headers.get("location")], [303, "../login?next=%2Fapi%2Fstatus%3Fx%3D1"]);
        const player = await ask(base, "/api/status", { accept: "*/*" });
        assert.deepEqual([player.status, player.headers.get("www-authenticate")?.slice(0, 5)], [401, "Basic"]);

        const form = await fetch(`${base}/login?next=%2Fapi%2Fstatus%3Fx%3D1`, { headers: page });
        assert.match(await form.text(), /name="next" value="\/api\/status\?x=1"[\s\S]*autocomplete="current-password"/);
        assert.match(form.headers.get("content-security-policy") ?? "", /default-src 'none'/);

        const wrong = await logIn(base, "ana", "wrong horse");
        assert.deepEqual([wrong.answer.status, wrong.cookie], [403, ""]);
        assert.match(await wrong.answer.text(), /role="alert"[^>]*>This user and password do not go together\./);

        const right = await logIn(base, "ana", "correct horse");
        assert.deepEqual([right.answer.status, right.answer.headers.get("location")], [303, "./api/status"]);
        assert.match(right.cookie, /^headend=v1\.[^;]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
        ({ cookie } = right.headers);

        const status = await ask(base, "/api/status", { cookie });
        assert.deepEqual([status.status, status.headers.get("cache-control")], [200, "no-store"]);
        assert.equal((await ask(base, refresh, { cookie }, "POST")).status, 202);
        const elsewhere = await ask(base, refresh, { cookie, "sec-fetch-site": "cross-site" }, "POST");
        assert.equal(elsewhere.status, 403);
        assert.equal((await ask(base, refresh, { cookie, origin: "http://evil.example" }, "POST")).status, 403);

        const bob = await logIn(base, "bob", "p:w");
        for (const headers of [bob.headers, basic("bob:p:w")]) {
          assert.equal((await ask(base, "/api/status", headers)).status, 200);
          assert.equal((await ask(base, refresh, headers, "POST")).status, 403);
        }
        assert.equal((await ask(base, `/t/0123456789abcdef${refresh}`, {}, "POST")).status, 403);
        assert.equal((await ask(base, "/t/0123456789abcdef/api/status", {})).status, 200);
        assert.equal((await ask(base, refresh, basic("ana:correct horse"), "POST")).status, 202);

        const out = await ask(base, "/logout", { cookie }, "POST");
        assert.match(out.headers.get("set-cookie") ?? "", /^headend=; Path=\/; Max-Age=0;/);
        const secure = await logIn(base, "bob", "p:w", {
          origin: base.replace("http:", "https:"),
          "sec-fetch-site": "same-origin",
        });
        assert.match(secure.cookie, /; Secure$/);
        for (const method of ["HEAD", "GET"]) assert.equal((await ask(base, "/login", {}, method)).status, 200);
      },
      ["--config", file],
    );
    assert.equal((await stat(join(folder, "session.key"))).mode & 0o777, 0o600);

    await serving(
      folder,
      async ({ base, pid, output }) => {
        assert.equal((await ask(base, "/api/status", { cookie })).status, 200, "a restart ended the session");
        const [name, user, expires, signature = ""] = cookie.split(/[=.]/).slice(1);
        const forged = [
          `headend=v1.${Buffer.from("bob").toString("base64url")}.${expires}.${signature}`,
          `headend=v1.${user}.${Number(expires) + 1}.${signature}`,
          `headend=v1.${user}.${expires}.${"A".repeat(43)}`,
          `headend=${name}.${user}.${expires}.`,
          "headend=",
          `headend=${"x".repeat(4000)}`,
        ];
        for (const each of forged) assert.equal((await ask(base, "/api/status", { cookie: each })).status, 401, each);
        assert.equal((await ask(base, "/api/status", { cookie: `a=b; headend=old; ${cookie}` })).status, 200);

        const doctor = await runHeadend(
          ["doctor", "--config", file, "--data", folder, "--listen", new URL(base).host],
          folder,
        );
        assert.doesNotMatch(doctor.output, /does not let in/);

        const from = output().length;
        await writeFile(file, config(await hashOf("battery staple")));
        if (process.platform !== "win32") process.kill(pid, "SIGHUP");
        for (const last = Date.now() + 15_000; !output().slice(from).includes("config read again"); await sleep(20))
          assert.ok(Date.now() < last, output());
        assert.equal((await ask(base, "/api/status", { cookie })).status, 401, "another password ends the sessions");
        assert.equal((await logIn(base, "ana", "correct horse")).answer.status, 403);
        assert.equal((await logIn(base, "ana", "battery staple")).answer.status, 303);
        assert.doesNotMatch(output(), /horse|staple|p:w|0123456789abcdef/);
      },
      ["--config", file],
    );
  }),
);

test("who guesses is told to wait, forms that are none are refused, and nothing leads elsewhere", { timeout }, () =>
  withFolder(async (folder) => {
    const file = join(folder, "headend.yaml");
    await writeFile(
      file,
      "access: { users: { ana: { password: secret-word } } }\ninstances: { card: { use: testcard } }\n",
    );
    await serving(
      folder,
      async ({ base }) => {
        for (const next of [
          "//evil.example/",
          "/\\evil.example",
          "https://evil.example",
          "javascript:x",
          "",
          "/../../x",
        ]) {
          const { answer } = await logIn(base, "ana", "secret-word", {}, next);
          const to = new URL(answer.headers.get("location") ?? "", `${base}/login`);
          assert.equal(to.origin, base, next);
        }
        const post = async (body: BodyInit, headers: Record<string, string>) =>
          (await fetch(`${base}/login`, { method: "POST", body, headers, redirect: "manual" })).status;
        const form = { "content-type": "application/x-www-form-urlencoded" };
        assert.equal(await post(`user=ana&password=${"x".repeat(20_000)}`, form), 400);
        assert.equal(
          await post('{"user":"ana","password":"secret-word"}', { "content-type": "application/json" }),
          400,
        );
        assert.equal(await post("user=ana&password=secret-word", { ...form, origin: "http://evil.example" }), 403);
        assert.equal(await post("%%%&&&===\0", form), 403);
        const page = await (
          await fetch(`${base}/login?next=${encodeURIComponent('/"><script>alert(1)</script>')}`)
        ).text();
        assert.doesNotMatch(page, /<script/);

        // Two wrong ones are counted already: the empty form, and none of the others.
        let limited: Response | undefined;
        for (let guess = 0; guess < 15 && !limited; guess++) {
          const { answer } = await logIn(base, "ana", `guess ${guess}`);
          if (answer.status === 429) limited = answer;
          else assert.equal(answer.status, 403);
        }
        assert.equal(limited?.headers.get("retry-after"), "10");
        assert.match((await limited?.text()) ?? "", /Too many wrong passwords came from here; try again in 10s/);
        const player = await fetch(`${base}/api/status`, { headers: basic("ana:guess") });
        assert.deepEqual([player.status, player.headers.get("retry-after")], [429, "10"]);
        assert.notEqual((await fetch(`${base}/healthz`)).status, 429);
      },
      ["--config", file],
    );
    assert.doesNotMatch(await readFile(file, "utf8"), /scrypt/);
  }),
);
