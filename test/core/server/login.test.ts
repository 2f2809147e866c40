// The login form's addresses: they lead to our own pages, whatever the form or the proxy says.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loginPath, pathFor } from "../../../core/server/login.ts";
import { formatLoginPage } from "../../../core/server/login-page.ts";

const odd = fc.array(
  fc.constantFrom("/", "\\", ".", "..", ":", "@", "//", "?", "#", "%2f", "\t", "\n", "http:", "evil.example", "x", "ä"),
  {
    maxLength: 8,
  },
);

test("pathFor() leads nowhere but to us", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        odd.map((parts) => parts.join("")),
        fc.string(),
      ),
      (text) => {
        for (const prefix of ["http://tv:8888", "https://tv.example/head/end"]) {
          const place = new URL(`.${pathFor(text)}`, `${prefix}/login`);
          assert.ok(place.href.startsWith(`${prefix}/`), `${JSON.stringify(text)} leads to ${place.href}`);
        }
      },
    ),
  );
  assert.equal(pathFor("/dashboard/?a=b&c=%20"), "/dashboard/?a=b&c=%20");
  for (const bad of [null, "", "dashboard", "//evil.example", "/\\evil", "/a\nb", `/${"x".repeat(3000)}`, "/../.."])
    assert.equal(pathFor(bad), "/", String(bad));
});

test("loginPath() leads from any page to the form and back, below any prefix", () => {
  const segment = fc.stringMatching(/^[a-z0-9.~-]{1,8}$/).filter((text) => !/^\.+$/.test(text));
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 4 }),
      fc.boolean(),
      fc.constantFrom("", "?a=b", "?next=%2F"),
      (parts, slash, query) => {
        const path = `/${parts.join("/")}${slash && parts.length > 0 ? "/" : ""}`;
        for (const prefix of ["http://tv:8888", "https://tv.example/head/end"]) {
          const form = new URL(loginPath(path, `http://inside${path}${query}`), prefix + path);
          assert.equal(form.origin + form.pathname, `${prefix}/login`);
          assert.equal(new URL(`.${pathFor(form.searchParams.get("next"))}`, form).href, prefix + path + query);
        }
      },
    ),
  );
});

test("formatLoginPage() shows what was typed as text, and can be read aloud", () => {
  const hostile = `"><script>alert('1')</script>&`;
  const page = formatLoginPage({ next: hostile, fault: hostile, tried: hostile, user: hostile });
  assert.doesNotMatch(page, /<script|alert\('/);
  for (const field of ["user", "password"]) {
    assert.match(page, new RegExp(`<label for="${field}">`));
    assert.match(page, new RegExp(`<input id="${field}" [^>]*aria-describedby="fault"`));
  }
  assert.match(page, /autocomplete="username"[\s\S]*autocomplete="current-password"/);
  assert.doesNotMatch(formatLoginPage({ next: "/" }), /role="alert"|logout|aria-invalid/);
});
