// The callback's listener: who may call, how long, how much; real sockets, and time moved by hand.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { type Callback, type CallbackOptions, openCallback } from "../../../providers/iptv-manager/callback.ts";
import { createTestClock } from "../../support/clock.ts";
import { until } from "../../support/host.ts";

const limits = { connect: 30_000, silence: 120_000, total: 300_000, maxBytes: 1000 };

async function opened(o: Partial<CallbackOptions> = {}) {
  const clock = createTestClock();
  const stop = new AbortController();
  const callback = await openCallback({ what: "VRT channels", limits, clock, signal: stop.signal, ...o });
  return { clock, stop, callback };
}

async function call(port: number, host = "127.0.0.1"): Promise<net.Socket> {
  const socket = net.connect(port, host).on("error", () => {});
  await once(socket, "connect");
  return socket.resume();
}

/** Reads all, and says how it ended. */
function read(callback: Callback) {
  const result = { text: "", bytes: 0, error: "", done: false };
  const chunks: Uint8Array[] = [];
  const reading = (async () => {
    try {
      for await (const chunk of callback.chunks()) {
        chunks.push(chunk);
        result.bytes += chunk.length;
      }
    } catch (error) {
      result.error = (error as Error).message;
    }
    result.text = Buffer.concat(chunks).toString();
    result.done = true;
  })();
  return { result, reading };
}

/** True when nobody listens there any more. */
const isClosed = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(false)).on("error", () => resolve(true));
    socket.on("connect", () => socket.destroy());
  });

test("openCallback() takes what is sent until it is closed, and is closed itself", async () => {
  const { clock, callback } = await opened();
  const { result, reading } = read(callback);
  const socket = await call(callback.port);
  socket.write("one ");
  await until(() => result.bytes === 4, "the first bytes");
  socket.end("two");
  await reading;
  assert.deepEqual([result.text, result.error], ["one two", ""]);
  assert.ok(await isClosed(callback.port));
  await clock.advance(0);
  assert.equal(clock.sleeping, 0);
});

test("slow connect: just under the limit it is taken, just over it is not", async () => {
  const under = await opened();
  const taken = read(under.callback);
  await under.clock.advance(limits.connect - 1);
  (await call(under.callback.port)).end("in time");
  await taken.reading;
  assert.equal(taken.result.text, "in time");

  const over = await opened();
  const missed = read(over.callback);
  await over.clock.advance(limits.connect + 1);
  await missed.reading;
  assert.equal(missed.result.error, "VRT channels: nobody called back within 30s");
  assert.ok(await isClosed(over.callback.port));
});

test("connect then silence: it has longer than the connection had, then it is over", async () => {
  const { clock, callback } = await opened();
  const { result, reading } = read(callback);
  const socket = await call(callback.port);
  await callback.called;
  await clock.advance(limits.silence - 1);
  assert.equal(result.done, false, "an add-on that works on its guide is waited for");
  socket.write("half");
  await until(() => result.bytes === 4, "the bytes");
  await clock.advance(limits.silence - 1);
  assert.equal(result.done, false, "every byte begins the silence anew");
  await clock.advance(2);
  await reading;
  assert.equal(result.error, "VRT channels: no data for 2m");
  await until(() => socket.closed, "the add-on is let go");
});

test("bytes that drip have an end: the total limit", async () => {
  const { clock, callback } = await opened();
  const { result, reading } = read(callback);
  const socket = await call(callback.port);
  for (let sent = 1; !result.done && sent < 10; sent++) {
    socket.write(".");
    await until(() => result.bytes === sent || result.done, "a byte");
    await clock.advance(60_000);
  }
  await reading;
  assert.equal(result.error, "VRT channels: it was not done within 5m");
});

test("connect and close empty: that is the add-on's way to say that it failed", async () => {
  const { callback } = await opened();
  const { result, reading } = read(callback);
  (await call(callback.port)).end();
  await reading;
  assert.equal(result.error, "VRT channels: it called back and sent nothing");
});

test("a connection that breaks is no end of a document", async () => {
  const { callback } = await opened();
  const { result, reading } = read(callback);
  const socket = await call(callback.port);
  socket.write("half");
  await until(() => result.bytes === 4, "the bytes");
  socket.resetAndDestroy();
  await reading;
  assert.notEqual(result.error, "");
});

test("more than the size allowed is refused", async () => {
  const { callback } = await opened();
  const { result, reading } = read(callback);
  (await call(callback.port)).end(Buffer.alloc(1001));
  await reading;
  assert.equal(result.error, "VRT channels: larger than the limit of 1KB");
});

test("one connection: the second is not listened to", async () => {
  const { callback } = await opened();
  const { result, reading } = read(callback);
  const first = await call(callback.port);
  await callback.called;
  const second = net.connect(callback.port, "127.0.0.1").on("error", () => {});
  second.on("connect", () => second.end("intruder"));
  await until(() => second.closed, "the second is let go");
  first.end("the add-on");
  await reading;
  assert.equal(result.text, "the add-on");
});

test("where one address alone may call, another is cut off and the call still waited for", async () => {
  const { callback } = await opened({ listen: "127.0.0.1", from: "127.0.0.2" });
  const { result, reading } = read(callback);
  const stranger = await call(callback.port);
  stranger.write("intruder");
  await until(() => stranger.closed, "the stranger is let go");
  const socket = net.connect({ port: callback.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  socket.end("the add-on");
  await reading;
  assert.equal(result.text, "the add-on");
});

test("a signal ends it at once, and gives the port back", async () => {
  const { stop, callback, clock } = await opened();
  const { result, reading } = read(callback);
  stop.abort(new Error("the headend stops"));
  await reading;
  assert.equal(result.error, "the headend stops");
  assert.ok(await isClosed(callback.port));
  await clock.advance(0);
  assert.equal(clock.sleeping, 0);
});
