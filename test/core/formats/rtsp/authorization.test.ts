// Basic and Digest as the standards compute them in their examples.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatAuthorization,
  formatChallenge,
  type Hash,
  parseChallenges,
  strongestChallenge,
} from "../../../../core/formats/rtsp.ts";

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest("hex");
const who = { user: "Mufasa", password: "Circle of Life" };
const request = {
  method: "GET",
  url: "/dir/index.html",
  count: 1,
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
};
const answer = (header: string, given: object = {}) => {
  const challenge = strongestChallenge(parseChallenges([header]));
  assert.ok(challenge);
  return formatAuthorization(challenge, who, { ...request, ...given }, hash);
};
const responseOf = (value: string) => /response="([0-9a-f]+)"/.exec(value)?.[1];

test("formatAuthorization() gives the responses of RFC 7616 §3.9.1", () => {
  const rest =
    'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const md5 = answer(`Digest ${rest}, algorithm=MD5`);
  assert.equal(responseOf(md5), "8ca523f5e9506fed4657c9700eebdbec");
  assert.match(md5, /^Digest username="Mufasa", realm="http-auth@example\.org", /);
  assert.match(md5, /, qop=auth, nc=00000001, cnonce="f2\/wE4q/);
  const sha = answer(`Digest ${rest}, algorithm=SHA-256`);
  assert.equal(responseOf(sha), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
});

test("formatAuthorization() gives the response of RFC 2617 without qop, as cameras ask for it", () => {
  const given = answer('Digest realm="cam",nonce="abc"', { method: "DESCRIBE", url: "rtsp://192.0.2.1/s" });
  const md5 = (text: string) => hash("md5", text);
  assert.equal(responseOf(given), md5(`${md5("Mufasa:cam:Circle of Life")}:abc:${md5("DESCRIBE:rtsp://192.0.2.1/s")}`));
  assert.doesNotMatch(given, /qop|nc=|cnonce|algorithm/);
});

test("formatAuthorization() mixes the nonces in for -sess, and the body for auth-int", () => {
  const md5 = (text: string) => hash("md5", text);
  const given = answer('Digest realm="r", nonce="n", qop="auth-int", algorithm=MD5-sess', { body: "hi", cnonce: "c" });
  const first = md5(`${md5("Mufasa:r:Circle of Life")}:n:c`);
  const second = md5(`GET:/dir/index.html:${md5("hi")}`);
  assert.equal(responseOf(given), md5(`${first}:n:00000001:c:auth-int:${second}`));
});

test("formatAuthorization() answers Basic, in UTF-8", () => {
  assert.equal(answer('Basic realm="x"'), `Basic ${btoa("Mufasa:Circle of Life")}`);
});

test("strongestChallenge() prefers SHA-256 to MD5 to Basic, and takes nothing it cannot answer", () => {
  const pick = (...values: string[]) => {
    const best = strongestChallenge(parseChallenges(values));
    return best && `${best.scheme} ${best.parameters.algorithm ?? ""}`.trim();
  };
  const md5 = 'Digest realm="a, b=c", nonce="1"';
  const sha = 'Digest realm="a", nonce="1", algorithm=SHA-256';
  assert.equal(pick('Basic realm="x"', md5, sha), "digest SHA-256");
  assert.equal(pick(`Basic realm="x", ${md5}`), "digest");
  assert.equal(pick('Digest realm="a", nonce="1", algorithm=SHA-512-256', 'Basic realm="x"'), "basic");
  assert.equal(pick('Digest realm="a"'), undefined);
  assert.equal(pick('Digest realm="a", nonce="1", qop="other"'), undefined);
  assert.equal(pick("Bearer", ""), undefined);
});

test("parseChallenges() reads what formatChallenge() writes", () => {
  const challenge = fc.record({
    scheme: fc.constantFrom("basic", "digest"),
    parameters: fc.dictionary(fc.constantFrom("realm", "nonce", "opaque", "qop"), fc.stringMatching(/^[ -~]{0,20}$/), {
      noNullPrototype: false,
    }),
  });
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 3 }), (all) => {
      const read = parseChallenges([all.map(formatChallenge).join(", ")]);
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(all)));
    }),
  );
});
