// Clients that are slow, silent or rude: they cost a socket each, and nobody else waits for them.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fetchUntil, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

const garbage: readonly string[] = [
  "\0\0\0\0\r\n\r\n",
  "GET\r\n\r\n",
  "GET / HTTP/9.9\r\n\r\n",
  "GET http://%zz/ HTTP/1.1\r\nHost: tv\r\n\r\n",
  "GET /%ff%00/../../etc/passwd HTTP/1.1\r\nHost: tv\r\n\r\n",
  `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: tv\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: tv\r\n${"x: y\r\n".repeat(20_000)}\r\n`,
  "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
  "GET /guide.xml.gz HTTP/1.1\r\nHost: tv\r\nRange: bytes=99999999999999999999-\r\n\r\n",
  "POST /api/instances/one/refresh HTTP/1.1\r\nHost: tv\r\nContent-Length: 99999999999\r\n\r\nx",
  "POST / HTTP/1.1\r\nHost: tv\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

test("slow, silent and rude clients cost little, and nobody waits for them", { timeout }, () =>
  withFolder(async (folder) => {
    const entries = Array.from(
      { length: 40_000 },
      (_, i) => `#EXTINF:-1 tvg-id="c${i}",Channel ${i}\nhttp://cdn.example/${i}.ts\n`,
    );
    await writeFile(join(folder, "list.m3u"), `#EXTM3U\n${entries.join("")}`);
    await writeFile(
      join(folder, "headend.yaml"),
      "instances:\n  one: { use: m3u, playlist: ./list.m3u }\n  cards: { use: testcard }\n",
    );
    await serving(
      folder,
      async ({ base, pid }) => {
        const { port } = new URL(base);
        await fetchUntil(200, `${base}/readyz`);
        const whole = (await (await fetch(`${base}/playlist.m3u`)).text()).length;
        const sockets: net.Socket[] = [];
        const say = (text: string) =>
          new Promise<net.Socket>((resolve, reject) => {
            const socket = net.connect(Number(port), "127.0.0.1", () =>
              socket.write(text, "latin1", () => resolve(socket)),
            );
            socket.on("error", () => {}).once("error", reject);
            sockets.push(socket);
          });
        const before = await memoryOf(pid);
        try {
          // Asks for megabytes and reads none of them; begins a request and never ends it; says nothing at all.
          for (const path of ["/playlist.m3u", "/one/playlist.m3u", "/guide.xml", "/cards/1.ts"])
            for (let n = 0; n < 50; n++) (await say(`GET ${path} HTTP/1.1\r\nHost: tv\r\n\r\n`)).pause();
          for (let n = 0; n < 100; n++) await say("GET / HTTP/1.1\r\nHost: tv\r\nX-");
          for (let n = 0; n < 200; n++) await say("");
          for (const text of garbage) await say(text).catch(() => {});
          const times: number[] = [];
          for (let n = 0; n < 50; n++) {
            const begun = performance.now();
            const answer = await fetch(`${base}/healthz`);
            await answer.text();
            assert.equal(answer.status, 200);
            times.push(performance.now() - begun);
          }
          const median = times.sort((a, b) => a - b)[25] ?? 0;
          assert.ok(median < 250, `/healthz takes ${median} ms`);
          assert.equal((await (await fetch(`${base}/playlist.m3u`)).text()).length, whole);
          const grown = (await memoryOf(pid)) - before;
          assert.ok(grown < 150, `${grown} MiB more with ${sockets.length} clients`);
        } finally {
          for (const socket of sockets) socket.destroy();
        }
      },
      ["--config", join(folder, "headend.yaml")],
    );
  }),
);

/** MiB; 0 where the system does not tell. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
