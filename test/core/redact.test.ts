// redact(): no secret survives, the line stays useful, twice is once, and long texts take no longer than they must.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { describeUrl, redact } from "../../core/redact.ts";

const word = (least: number, most: number) =>
  fc
    .array(fc.constantFrom(..."abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"), {
      minLength: least,
      maxLength: most,
    })
    .map((letters) => letters.join(""));
/** Long enough that it cannot be part of the rest of the line by chance; with what passwords are made of. */
const secret = fc
  .tuple(word(5, 12), fc.constantFrom("", "!", "$", "~", "+", "-", ".", "'", "%40"), word(3, 6))
  .map((parts) => parts.join(""));
const opaque = word(24, 48);
const key = fc.constantFrom(
  "username",
  "password",
  "token",
  "api_key",
  "auth",
  "sig",
  "pass",
  "pwd",
  "user",
  "mac",
  "wmsAuthSign",
  "X-Plex-Token",
  "hdnts",
  "sid",
  "tok",
);

const forms: Record<string, fc.Arbitrary<readonly [line: string, ...secrets: string[]]>> = {
  userinfo: fc
    .tuple(secret, secret)
    .map(
      ([user, password]) =>
        [`http://${user}:${password}@tv.example:8080/list.m3u: answered 404`, user, password] as const,
    ),
  query: fc
    .tuple(key, secret)
    .map(
      ([name, value]) => [`GET https://tv.example/get.php?type=m3u&${name}=${value}&output=ts failed`, value] as const,
    ),
  nested: fc
    .tuple(secret, secret)
    .map(
      ([user, password]) =>
        [
          `http://p.example/?id=1&url=${encodeURIComponent(`http://${encodeURIComponent(user)}:${password}@tv.example/x`)}`,
          encodeURIComponent(user),
          password,
        ] as const,
    ),
  listed: fc
    .tuple(secret, secret)
    .map(([one, two]) => [`http://a:${one}@x.example/1.xml,http://b:${two}@y.example/2.xml`, one, two] as const),
  panel: fc
    .tuple(
      fc.constantFrom("live/", "movie/", "series/", "hls/", ""),
      secret,
      secret,
      fc.nat(999_999),
      fc.constantFrom("", ".ts", ".m3u8", ".mkv"),
    )
    .map(
      ([kind, user, password, item, end]) =>
        [`http://tv.example/${kind}${user}/${password}/${item}${end}`, user, password] as const,
    ),
  timeshift: fc
    .tuple(secret, secret)
    .map(
      ([user, password]) =>
        [`http://tv.example/timeshift/${user}/${password}/60/2026-01-01:12-00/7.ts`, user, password] as const,
    ),
  list: fc
    .tuple(secret, secret)
    .map(([user, password]) => [`http://tv.example/playlist/${user}/${password}/m3u_plus`, user, password] as const),
  bare: fc
    .tuple(secret, secret)
    .map(([user, password]) => [`"GET /live/${user}/${password}/12.ts HTTP/1.1"`, user, password] as const),
  token: opaque.map(
    (token) => [`https://tv.example/${token}/index.m3u8 and https://tv.example/?${token}`, token] as const,
  ),
  ours: secret.map((token) => [`GET /t/${token}/playlist.m3u`, token] as const),
  header: fc
    .tuple(
      fc.constantFrom(
        "Authorization: Bearer ",
        "cookie: a=",
        "Set-Cookie: id=",
        "proxy-authorization=Basic ",
        "X-Api-Key: ",
      ),
      secret,
    )
    .map(([head, value]) => [`sent ${head}${value}; path=/\nnext line`, value] as const),
  json: fc
    .tuple(key, secret, fc.boolean())
    .map(
      ([name, value, spaced]) =>
        [JSON.stringify({ [name]: `${value} "x`, b: 1 }, null, spaced ? 1 : 0), value] as const,
    ),
  inspected: fc
    .tuple(secret, secret)
    .map(
      ([one, two]) =>
        [`{ password: '${one.replaceAll("'", "")}', b: 2 } token="${two} x"`, one.replaceAll("'", ""), two] as const,
    ),
  bearer: opaque.map((token) => [`said Bearer ${token} to it`, token] as const),
};

describe("redact()", () => {
  for (const [name, form] of Object.entries(forms)) {
    it(`leaves no generated secret in a text of the form "${name}"`, () => {
      fc.assert(
        fc.property(form, ([line, ...secrets]) => {
          const text = redact(line);
          for (const value of secrets) assert.ok(!text.includes(value), `${value} is in ${text}`);
          assert.equal(redact(text), text);
        }),
        { numRuns: 300 },
      );
    });
  }

  it("keeps what makes a line useful", () => {
    const lines = {
      "http://ana:pw@tv.example:8080/get.php?username=ana&password=pw&type=m3u_plus: answered 404":
        "http://***@tv.example:8080/get.php?username=***&password=***&type=m3u_plus: answered 404",
      "http://tv.example/live/ana/pw/123.ts": "http://tv.example/live/***/***/123.ts",
      "http://tv.example/ana/pw/123": "http://tv.example/***/***/123",
      "https://tv.example/0123456789abcdef0123456789abcdef.xml.gz": "https://tv.example/***.xml.gz",
      "rtsp://admin:a/b?c@10.0.0.2:554/cam": "rtsp://***@10.0.0.2:554/cam",
      "https://iptv-org.github.io/iptv/countries/es.m3u, then idle":
        "https://iptv-org.github.io/iptv/countries/es.m3u, then idle",
      "https://tv.example/list.m3u|User-Agent=VLC/3.0&Authorization=x1":
        "https://tv.example/list.m3u|User-Agent=VLC/3.0&Authorization=***",
      "config.yaml:3: access.users.ana.password: expected a text":
        "config.yaml:3: access.users.ana.password: expected a text",
      "the token expired; basic authentication is needed": "the token expired; basic authentication is needed",
      "/var/lib/headend/instances/italia/documents cannot be written":
        "/var/lib/headend/instances/italia/documents cannot be written",
      "2026-01-01T12:00:00Z 18 channels, 42 programmes": "2026-01-01T12:00:00Z 18 channels, 42 programmes",
    };
    for (const [line, expected] of Object.entries(lines)) assert.equal(redact(line), expected);
  });

  it("changes nothing the second time, whatever the text", () => {
    const scrap = fc.constantFrom(
      "http://",
      "/",
      "?",
      "=",
      "@",
      ":",
      "&",
      '"',
      "'",
      "***",
      "cookie",
      "password",
      "live",
      "12.ts",
      "%",
      " ",
      "\n",
      "token",
      "Basic ",
      "a",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(scrap, fc.string()), { maxLength: 30 }), (parts) => {
        const once = redact(parts.join(""));
        assert.equal(redact(once), once);
      }),
      { numRuns: 3000, examples: [[["http://cookie-=/&@"]]] },
    );
  });

  it("takes time that grows with the length only", () => {
    const units = [
      "a",
      "a.",
      "http:/",
      "http://",
      "http://a:",
      "?a",
      "&a=",
      "%2",
      "%25",
      "cookie",
      'a="',
      "a='",
      'password="\\',
      "/a",
      "@",
      " :",
      "x-",
      "bearer ",
      "://",
      "=",
      "//",
      "a-",
      "live/",
      "\\",
    ];
    for (const unit of units) {
      const time = (length: number) => {
        const text = unit.repeat(length / unit.length);
        const start = performance.now();
        redact(text);
        return performance.now() - start;
      };
      time(20_000);
      const short = Math.min(time(20_000), time(20_000));
      const long = time(320_000);
      // Sixteen times the text: linear is 16, quadratic 256.
      assert.ok(long < 90 * Math.max(short, 2), `${JSON.stringify(unit)}: ${short} ms, then ${long} ms`);
    }
  });
});

describe("describeUrl()", () => {
  it("drops the fragment and the secrets and shortens the middle", () => {
    assert.equal(
      describeUrl(" https://u:p@tv.example/guide.xml.gz?key=abc#top\n"),
      "https://***@tv.example/guide.xml.gz?key=***",
    );
    const long = describeUrl(`https://tv.example/${"a/".repeat(400)}list.m3u`);
    assert.equal(long.length, 200);
    assert.match(long, /^https:\/\/tv\.example\/a.*….*list\.m3u$/);
  });
});
