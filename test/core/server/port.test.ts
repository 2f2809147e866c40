// A port of an instance's own on a socket: its table, its links, whom it sees, and what it does not share with the server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Listener, serve } from "../../../core/runtime/serve.ts";
import { ask, openServer, readAnswer, type TestServer } from "./support.ts";

let main: TestServer;
let own: Listener;
before(async () => {
  main = await openServer(
    { publicUrl: "https://tv.example/main", access: { users: { ana: { password: "secret" } }, tokens: {} } },
    (server) => {
      const fetch = server.answerPort("den", {
        port: 0,
        routes: (app) =>
          app
            .get("/base", ({ request }) => server.baseUrl(request))
            .get("/who", ({ request }) => Response.json(server.viewer(request)))
            .get("/throw", () => {
              throw new Error("a secret reason");
            }),
      });
      void serve({ host: "127.0.0.1", port: 0, fetch }).then((listener) => {
        own = listener;
      });
    },
  );
  while (!own) await new Promise(setImmediate);
});
after(async () => {
  await own.stop();
  await main.stop();
});

const get = async (path: string, headers: Record<string, string> = { Host: "tv:5004" }, method = "GET") =>
  readAnswer(await ask(own.port, `${method} ${path}`, headers));

test("its links are of the host that was asked, not of publicUrl, and it asks for no password", async () => {
  const { status, body } = await get("/base");
  assert.deepEqual([status, body], [200, "http://tv:5004"]);
  assert.equal(readAnswer(await ask(main.port, "GET /base", { Host: "tv" })).status, 401);
});

test("it knows who asks", async () => {
  const { body } = await get("/who", { Host: "tv:5004", "User-Agent": "Plex\tTuner" });
  assert.deepEqual(JSON.parse(body), { name: "127.0.0.1 PlexTuner", address: "127.0.0.1", admin: false });
});

test("other paths, methods, hosts and errors are answered as the server answers them", async () => {
  assert.equal((await get("/api/status")).status, 404);
  assert.equal((await get("/base", { Host: "tv" }, "PUT")).status, 405);
  assert.equal((await get("/base", { Host: "tv" }, "HEAD")).status, 200);
  assert.equal((await get("/base", { Host: "t v" })).status, 400);
  const { status, body } = await get("/throw");
  assert.equal(status, 500);
  assert.doesNotMatch(body, /secret/);
});
