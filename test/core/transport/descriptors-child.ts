// What is opened while this process has no file descriptors left, and after; run by descriptors.test.ts under a low limit.
import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { openDialling } from "./dialing.ts";

const given = await openDialling();
const uncaught: unknown[] = [];
process.on("uncaughtException", (error) => uncaught.push(error));
const server = createServer((_, response) => response.writeHead(403).end());
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const web = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
// Everything that is loaded when it is needed is loaded now.
await assert.rejects(given.dial("rtmp://127.0.0.1:1/a"), { code: "dial.ffmpeg" });
await assert.rejects(given.dial(web), { code: "fetch.status" });

const taken: number[] = [];
for (;;) {
  try {
    taken.push(openSync("/dev/null", "r"));
  } catch {
    break;
  }
}
await assert.rejects(given.dial("rtmp://127.0.0.1:1/a"), { code: "dial.ffmpeg", message: /no file descriptors left/ });
await assert.rejects(given.dial("http://127.0.0.1:1/other"), { code: "fetch.refused" });
for (const one of taken) closeSync(one);
await assert.rejects(given.dial("rtmp://127.0.0.1:1/a"), { code: "dial.ffmpeg", message: /refused/ });
await assert.rejects(given.dial(web), { code: "fetch.status" });
assert.deepEqual(uncaught, []);
await given.close();
server.close();
server.closeAllConnections();
process.stdout.write("it works\n");
