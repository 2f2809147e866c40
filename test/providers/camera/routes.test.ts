// The addresses of cameras by nickname, over the routes themselves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouter } from "../../../core/server/router.ts";
import { addRoutes } from "../../../providers/camera/routes.ts";
import { createTestHost } from "../../support/host.ts";

test("addresses by nickname lead to the channel's, and any that are none are not found", async (t) => {
  const host = await createTestHost("cams");
  t.after(() => host.close());
  const router = createRouter({ log: host.log, derive: (request, init) => new Request(request, init) });
  const app = addRoutes(router.createApp("/cams"), "", {
    channel: (nickname) => (nickname === "door" ? "cams:door" : undefined),
    snapshot: async () => new Uint8Array(),
    baseUrl: () => "http://tv.example",
  });
  router.mount("cams", "/cams", app);
  const ask = async (path: string) => {
    const request = new Request(`http://tv.example/cams${path}`);
    const { status, headers } = await router.handle(request, `/cams${path}`);
    return headers.get("location")?.replace("http://tv.example/live/cams%3Adoor", "") ?? status;
  };
  assert.equal(await ask("/watch/door"), ".m3u8");
  assert.equal(await ask("/read/door/index.m3u8"), ".m3u8");
  assert.equal(await ask("/read/door/a_1-2.ts"), "/m3u8/live/a_1-2.ts");
  assert.equal(await ask("/read/door/a%5F1.ts"), "/m3u8/live/a_1.ts");
  const none = [
    "/watch/yard",
    "/read/door/%25zz.ts",
    "/read/door/%252e%252e",
    "/read/door/..%2Fx",
    "/snapshot/%25.jpg",
  ];
  for (const path of none) assert.equal(await ask(path), 404, path);
});
