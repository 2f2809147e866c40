// What an address by HTTP turns out to be, whatever it is called; and what a viewer is told when it is nothing to watch.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { HeadendError } from "../../../core/errors.ts";
import type { DialOptions } from "../../../core/plugin.ts";
import { createTestClock } from "../../support/clock.ts";
import { until } from "../../support/host.ts";
import { openDialling, openWeb, readBytes, sendForEver, transport, type Web } from "./dialing.ts";

/** Packets of one PID whose second byte after the header counts them. */
function makePackets(count: number): Uint8Array {
  const bytes = new Uint8Array(count * 188).fill(0xff);
  for (let index = 0; index < count; index++)
    bytes.set([0x47, 0x01, 0x00, 0x10 | (index & 0x0f), index >> 8, index], index * 188);
  return bytes;
}
const stream = makePackets(400);

type Answer = (response: ServerResponse) => void;
const say =
  (content: string | Uint8Array, head: Record<string, string> = {}, status = 200): Answer =>
  (response) =>
    response.writeHead(status, head).end(content);

/** Begins, and never ends. */
const endless =
  (content: string): Answer =>
  (response) =>
    response.write(content);

/** Opens `/x` of a web server, or another path; answers by path. */
async function dialling(
  answers: Record<string, Answer>,
  work: (base: string, web: Web, dial: Awaited<ReturnType<typeof openDialling>>) => Promise<void>,
) {
  const web = await openWeb((request, response) =>
    (answers[(request.url ?? "").replace(/\?.*/, "")] ?? say("none", {}, 404))(response),
  );
  const given = await openDialling();
  try {
    await work(web.base, web, given);
  } finally {
    await given.close();
    await web.close();
  }
}

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    return error as HeadendError;
  }
  throw new Error("it did not fail");
}

test("dial() gives a transport stream byte by byte, its first ones included, whatever its name and type", async () => {
  await dialling(
    {
      "/x.m3u8": say(stream, {
        "content-type": "application/vnd.apple.mpegurl",
        "content-length": String(stream.length),
      }),
    },
    async (base, _, { dial }) => {
      const source = transport(await dial(`${base}/x.m3u8`));
      assert.equal(source.how, "http");
      assert.equal(source.patient, true, "a length makes it an archive");
      assert.deepEqual(Buffer.from(await readBytes(source)), Buffer.from(stream));
    },
  );
});

test("dial() gives what comes without a length as live", async () => {
  await dialling({ "/x": (response) => sendForEver(response, stream) }, async (base, web, { dial }) => {
    const source = transport(await dial(`${base}/x`));
    assert.equal(source.patient, undefined);
    assert.ok((await readBytes(source, 100_000)).length >= 100_000);
    await until(() => web.open === 0, "leaving closes the connection");
  });
});

test("dial() skips what comes before the first packet", async () => {
  const garbage = Buffer.alloc(5_000, "no packet ");
  await dialling({ "/x": say(Buffer.concat([garbage, stream])) }, async (base, _, { dial }) => {
    assert.deepEqual(Buffer.from(await readBytes(await dial(`${base}/x`))), Buffer.from(stream));
  });
});

test("dial() makes plain packets of those of 192 bytes", async () => {
  const timed = Buffer.alloc(400 * 192);
  for (let index = 0; index < 400; index++) timed.set(stream.subarray(index * 188, index * 188 + 188), index * 192 + 4);
  await dialling({ "/x": say(timed) }, async (base, _, { dial }) => {
    assert.deepEqual(Buffer.from(await readBytes(await dial(`${base}/x`))), Buffer.from(stream.subarray(0, 399 * 188)));
  });
});

test("dial() waits for enough bytes when they come one by one", async () => {
  const trickle: Answer = async (response) => {
    for (let at = 0; at < 1_300; at += 13) {
      response.write(stream.subarray(at, at + 13));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end(stream.subarray(1_300));
  };
  await dialling({ "/x": trickle }, async (base, _, { dial }) => {
    assert.deepEqual(Buffer.from(await readBytes(await dial(`${base}/x`))), Buffer.from(stream));
  });
});

const hls = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n";

test("dial() knows HLS by its text, and gives it with the address after redirects and the headers", async () => {
  const answers = {
    "/channel.ts": (response: ServerResponse) => response.writeHead(302, { location: "deep/er/list?token=1" }).end(),
    "/deep/er/list": say(hls, { "content-type": "video/mp2t" }),
  };
  await dialling(answers, async (base, web, { dial }) => {
    const headers = { "User-Agent": "Player/1", Referer: "http://portal.example/", Cookie: "a=b" };
    const source = await dial(`${base}/channel.ts`, { headers });
    assert.deepEqual(source, { kind: "hls", url: `${base}/deep/er/list?token=1`, playlist: hls, headers });
    for (const { headers: sent } of web.requests) {
      assert.equal(sent["user-agent"], "Player/1");
      assert.equal(sent.referer, "http://portal.example/");
      assert.equal(sent.cookie, "a=b");
      assert.equal(sent["icy-metadata"], undefined);
      assert.equal(sent["accept-encoding"], "identity");
    }
  });
});

test("dial() keeps a channel's secret headers from where it is redirected to, and takes the others along", async () => {
  const other = await openWeb((_, response) => say(hls)(response));
  await dialling(
    { "/x": (response) => response.writeHead(302, { location: `${other.base}/list` }).end() },
    async (base, _, { dial }) => {
      const open = { "User-Agent": "P", Referer: "http://portal.example/", Origin: "http://portal.example" };
      const source = await dial(`${base}/x`, { headers: { Authorization: "Bearer 12345678", ...open } });
      assert.deepEqual(source.kind === "hls" && source.headers, open);
      const { authorization, referer, origin } = other.requests[0]?.headers ?? {};
      assert.deepEqual([authorization, referer, origin], [undefined, open.Referer, open.Origin]);
    },
  );
  await other.close();
});

test("dial() follows a list with one entry, once", async () => {
  const answers = {
    "/radio.m3u": say("#EXTM3U\n#EXTINF:-1,Radio\n/x\n"),
    "/radio.pls": say("[playlist]\nFile1=/x\nFile2=/y\n"),
    "/bad.m3u": say("file:///etc/passwd\n"),
    "/loop.m3u": say("#EXTM3U\n/loop.m3u\n"),
    "/many.m3u": say("#EXTM3U\n#EXTINF:-1,A\n/x\n#EXTINF:-1,B\n/x\n"),
    "/x": say(stream),
  };
  await dialling(answers, async (base, _, { dial }) => {
    for (const name of ["radio.m3u", "radio.pls"])
      assert.equal((await readBytes(await dial(`${base}/${name}`))).length, stream.length);
    assert.equal((await failure(dial(`${base}/bad.m3u`))).code, "dial.forbidden");
    assert.match((await failure(dial(`${base}/loop.m3u`))).message, /a list came that leads to another list/);
    assert.match((await failure(dial(`${base}/many.m3u`))).message, /a playlist of many came/);
  });
});

const nothing: readonly (readonly [string, Answer, string, RegExp])[] = [
  [
    "a page with status 200",
    endless(`<!doctype html><title>Login</title>${" ".repeat(5_000)}`),
    "dial.content",
    /a web page came instead of a stream$/,
  ],
  [
    "a text",
    endless(`{"error":"too many connections"}${" ".repeat(5_000)}`),
    "dial.content",
    /a text came instead of a stream$/,
  ],
  ["an error status", say("<html>no</html>", { "content-type": "text/html" }, 403), "fetch.status", /answered 403$/],
  ["204", (response) => response.writeHead(204).end(), "fetch.empty", /the answer is empty$/],
  ["an empty body", say(""), "fetch.empty", /the answer is empty$/],
  [
    "redirects for ever",
    (response) => response.writeHead(302, { location: "/x" }).end(),
    "fetch.redirects",
    /more than 10 redirects$/,
  ],
  [
    "a redirect to a file",
    (response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    "fetch.scheme",
    /file/,
  ],
  ["a connection that is cut", (response) => response.destroy(), "fetch.refused", /closed before an answer came$/],
];
for (const [what, answer, code, words] of nothing)
  test(`dial() says so when ${what} comes, and leaves nothing open`, async () => {
    await dialling({ "/x": answer }, async (base, web, { dial }) => {
      const error = await failure(dial(`${base}/x?password=geheim`));
      assert.equal(error.code, code);
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /geheim/);
      if (code === "dial.content") await until(() => web.open === 0, "the connection is closed");
    });
  });

test("dial() gives up on a server that sends nothing, and closes the connection", async () => {
  const clock = createTestClock();
  let asked = 0;
  const web = await openWeb((_, response) => {
    asked++;
    response.writeHead(200).flushHeaders();
  });
  const given = await openDialling({ clock });
  const error = failure(given.dial(`${web.base}/x`));
  await until(() => asked === 1, "it was asked");
  await until(() => clock.sleeping === 1, "only the deadline is waited for");
  await clock.advance(10_000);
  assert.match((await error).message, /no (data|answer) within 10s$/);
  await until(() => web.open === 0, "the connection is closed");
  assert.equal(clock.sleeping, 0);
  await given.close();
  await web.close();
});

test("aborting closes the connection and says why, while opening, reading and before anything was read", async () => {
  const answers = {
    "/silent": (response: ServerResponse) => response.writeHead(200).flushHeaders(),
    "/live": (response: ServerResponse) => response.write(stream),
  };
  await dialling(answers, async (base, web, { dial }) => {
    for (const path of ["/silent", "/live", "/live unread"]) {
      const control = new AbortController();
      const why = new Error("nobody watches any more");
      const opening = dial(base + path.replace(/ .*/, ""), { signal: control.signal } satisfies DialOptions);
      const work = path === "/live" ? opening.then((source) => readBytes(source)) : opening;
      const outcome = path === "/live unread" ? work : failure(work);
      if (path === "/live unread") await work;
      await until(() => web.open === 1, "it is connected");
      control.abort(why);
      if (path !== "/live unread") assert.equal(await outcome, why);
      await until(() => web.open === 0, `${path} is closed`);
    }
  });
});

test("return() ends a read that waits, and resolves when the connection is closed", async () => {
  await dialling({ "/x": (response) => response.write(stream) }, async (base, web, { dial }) => {
    const iterator = transport(await dial(`${base}/x`)).chunks[Symbol.asyncIterator]();
    let length = 0;
    while (length < stream.length) length += (await iterator.next()).value.length;
    const waiting = iterator.next();
    await iterator.return?.();
    assert.equal((await waiting).done, true);
    await until(() => web.open === 0, "the connection is closed");
  });
});

test("a stream that breaks off fails with a sentence", async () => {
  const broken: Answer = (response) => {
    response.writeHead(200, { "content-length": String(stream.length * 2) });
    response.write(stream, () => response.destroy());
  };
  await dialling({ "/x": broken }, async (base, _, { dial }) => {
    assert.equal((await failure(dial(`${base}/x`).then((source) => readBytes(source)))).code, "fetch.truncated");
  });
});

test("streams take no place from downloads of the same origin, nor wait for one", async () => {
  const answers = { "/live": (response: ServerResponse) => sendForEver(response, stream), "/guide.xml": say("<tv/>") };
  await dialling(answers, async (base, _, { dial, context }) => {
    const signal = AbortSignal.timeout(20_000);
    const sources = await Promise.all([1, 2, 3].map(() => dial(`${base}/live`, { signal })));
    // The limiter of this test lets one in at a time.
    const held = await context.fetch(`${base}/live`, { signal });
    const another = await dial(`${base}/live`, { signal });
    await held.body?.cancel();
    assert.equal(await (await context.fetch(`${base}/guide.xml`)).text(), "<tv/>");
    for (const source of [...sources, another]) assert.ok((await readBytes(source, 1)).length > 0);
  });
});
