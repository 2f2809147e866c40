// Listening: addresses, refusals, peers, and an end that does not wait for slow clients.
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { HeadendError } from "../../core/errors.ts";
import { type Listener, type Peer, serve } from "../../core/runtime/serve.ts";

describe("serve()", () => {
  test("says where it listens and who asks", async () => {
    let peer: Peer | undefined;
    const fetchOf = (_: Request, from: Peer) => {
      peer = { address: from.address };
      return new Response("hello");
    };
    for (const host of ["127.0.0.1", "::1", "[::1]", "localhost"]) {
      const listener = await serve({ host, port: 0, fetch: fetchOf });
      try {
        assert.ok(listener.port > 0);
        const address = listener.host.includes(":") ? `[${listener.host}]` : listener.host;
        assert.equal(await (await fetch(`http://${address}:${listener.port}/`)).text(), "hello");
        assert.equal(peer?.address, listener.host);
      } finally {
        await listener.stop();
      }
    }
  });

  test("says why it cannot listen", async () => {
    const listener = await serve({ host: "127.0.0.1", port: 0, fetch: () => new Response() });
    try {
      const refused = (pattern: RegExp) => (error: unknown) =>
        error instanceof HeadendError && error.code === "server.listen" && pattern.test(error.message);
      const again = (host: string, port = listener.port) => serve({ host, port, fetch: () => new Response() });
      await assert.rejects(
        again("127.0.0.1"),
        refused(/cannot listen on 127\.0\.0\.1:\d+: another program is using it/),
      );
      await assert.rejects(again("192.0.2.1"), refused(/this machine has no such address/));
      await assert.rejects(again("no.such.host.invalid"), refused(/the name is not known/));
    } finally {
      await listener.stop();
    }
  });

  test("lets a short answer finish and cuts an endless one when it stops", async () => {
    const listener = await serve({
      host: "127.0.0.1",
      port: 0,
      fetch: () =>
        new Response(
          new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100)) }, { highWaterMark: 0 }),
        ),
    });
    const sockets = await Promise.all(Array.from({ length: 3 }, () => openRequest(listener)));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    const idle = net.connect(listener.port, "127.0.0.1").on("error", () => {});
    await new Promise((resolve) => idle.once("connect", resolve));
    await listener.stop(50);
    // Deno has no way to cut a connection: there it ends with the process.
    if (typeof Bun === "undefined") for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
    idle.destroy();
    await assert.rejects(fetch(`http://127.0.0.1:${listener.port}/`));
  });
});

/** A connection over which an answer has begun and is read on. */
function openRequest(listener: Listener): Promise<net.Socket> {
  return new Promise((resolve) => {
    const socket = net.connect(listener.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: tv\r\n\r\n"));
    socket.on("error", () => {});
    socket.once("data", () => resolve(socket.resume()));
  });
}
