// Questions about variables, asked over TCP on loopback as hdhomerun_config does.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { formatGetSetRequest, formatPacket, parseGetSetReply, readPacket } from "../../../core/formats/hdhomerun.ts";
import { answerControl, answerVariable } from "../../../plugins/hdhomerun/control.ts";
import { createTestClock } from "../../support/clock.ts";
import { createKeptLog, device } from "./asking.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : assert.fail();
}

async function rig(more: Partial<Parameters<typeof answerControl>[0]> = {}) {
  const port = more.port ?? (await freePort());
  const clock = createTestClock();
  const log = createKeptLog();
  const options = { port, clock, log, allow: "private", rank: () => 0, device: () => device, ...more } as const;
  const control = await answerControl(options);
  return {
    ...{ port, clock, log, control, options },
    async [Symbol.asyncDispose]() {
      await control.close();
      assert.equal(clock.sleeping, 0);
    },
  };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Sends bytes in pieces of a size, and reads so many answers. */
async function ask(socket: Socket, bytes: Uint8Array, count: number, piece = bytes.length) {
  const answers: unknown[] = [];
  let waiting = Buffer.alloc(0);
  const done = Promise.withResolvers<void>();
  const onData = (more: Buffer) => {
    waiting = Buffer.concat([waiting, more]);
    for (let read = readPacket(waiting); read; read = readPacket(waiting)) {
      answers.push(parseGetSetReply(read.packet));
      waiting = waiting.subarray(read.length);
    }
    if (answers.length >= count) done.resolve();
  };
  socket.on("data", onData);
  socket.once("close", () => done.resolve());
  for (let at = 0; at < bytes.length; at += piece) {
    socket.write(bytes.subarray(at, at + piece));
    await new Promise(setImmediate);
  }
  await done.promise;
  socket.off("data", onData);
  return answers;
}

const model = formatGetSetRequest({ name: "/sys/model" });
const modelAnswer = { name: "/sys/model", value: "hdhomerun5_atsc" };

test("answerControl() answers questions in any pieces, and several in one", async () => {
  await using at = await rig();
  const socket = await dial(at.port);
  assert.deepEqual(await ask(socket, model, 1), [modelAnswer]);
  assert.deepEqual(await ask(socket, model, 1, 3), [modelAnswer]);
  assert.deepEqual(await ask(socket, Buffer.concat([model, model, model]), 3), [modelAnswer, modelAnswer, modelAnswer]);
  socket.destroy();
});

const variables: readonly (readonly [name: string, wanted: string | RegExp])[] = [
  ["/sys/model", "hdhomerun5_atsc"],
  ["/sys/hwmodel", "HDHR5-4US"],
  ["/sys/version", "20250815"],
  ["/sys/features", /^channelmap: /],
  ["help", /\/tuner<n>\/status\n/],
  ["/tuner0/status", "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"],
  ["/tuner1/status", /^ch=12 lock=http ss=100 snq=100 seq=100 /],
  ["/tuner0/vchannel", "none"],
  ["/tuner1/vchannel", "12"],
  ["/tuner0/streaminfo", "none\n"],
  ["/tuner1/streaminfo", "1: 12 News\n"],
  ["/tuner1/lockkey", "none"],
  ["/tuner3/target", "none"],
];
for (const [name, wanted] of variables)
  test(`answerVariable() knows ${name}`, () => {
    const reply = answerVariable({ name }, device);
    const value = "value" in reply ? reply.value : assert.fail(reply.error);
    if (typeof wanted === "string") assert.equal(value, wanted);
    else assert.match(value, wanted);
  });

test("answerVariable() refuses what it does not know, tuners that are not there, and every setting", () => {
  for (const name of ["/sys/boot", "/tuner4/status", "/tuner-1/status", "/tuner0/nothing", "/tuner0/constructor", ""])
    assert.deepEqual(answerVariable({ name }, device), { error: "ERROR: unknown getset variable" });
  const reply = answerVariable({ name: "/tuner0/vchannel", value: "12" }, device);
  assert.match("error" in reply ? reply.error : "", /read only/);
});

test("answerControl() drops who sends anything else, and goes on answering others", async () => {
  await using at = await rig();
  const damaged = Buffer.from(model);
  damaged[6] = (damaged[6] ?? 0) ^ 1;
  const hostile = [
    damaged,
    formatPacket({ type: 6, values: [{ tag: 1, value: new Uint8Array(4) }] }),
    formatPacket({ type: 2, values: [] }),
    formatPacket({ type: 4, values: [] }),
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    new Uint8Array(100_000).fill(0xff),
  ];
  for (const bytes of hostile) assert.deepEqual(await ask(await dial(at.port), bytes, 1), []);
  const socket = await dial(at.port);
  assert.deepEqual(await ask(socket, model, 1), [modelAnswer]);
  socket.destroy();
  assert.deepEqual(at.log.lines, []);
});

test("answerControl() keeps eight connections of one address, and closes those on which nothing is asked", async () => {
  await using at = await rig();
  const sockets: Socket[] = [];
  for (let count = 0; count < 8; count++) sockets.push(await dial(at.port));
  for (const socket of sockets) assert.deepEqual(await ask(socket, model, 1), [modelAnswer]);
  assert.deepEqual(await ask(await dial(at.port), model, 1), []);
  const closed = Promise.all(sockets.map((socket) => once(socket, "close")));
  await at.clock.advance(121_000);
  await closed;
  const socket = await dial(at.port);
  assert.deepEqual(await ask(socket, model, 1), [modelAnswer]);
  socket.destroy();
});

test("answerControl() asks the highest of several devices, the first of equals, and another when that has gone", async () => {
  const firmware = async (port: number) => {
    const socket = await dial(port);
    const [reply] = await ask(socket, model, 1);
    socket.destroy();
    return reply;
  };
  const named = (firmware: string) => () => ({ ...device, firmware });
  await using low = await rig({ rank: () => -5005, device: named("low") });
  await using high = await rig({ port: low.port, rank: () => -5004, device: named("high") });
  await using equal = await rig({ port: low.port, rank: () => -5004, device: named("equal") });
  for (const [name, control] of [
    ["high", high.control],
    ["equal", equal.control],
    ["low", low.control],
  ] as const) {
    assert.deepEqual(await firmware(low.port), { name: "/sys/model", value: name });
    await control.close();
  }
});

test("answerControl() says when its port is another's, and takes it when it is free", async () => {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  await using at = await rig({ port });
  assert.equal(at.control.fault, `TCP port ${port} is in use by another program`);
  server.close();
  await once(server, "close");
  await at.clock.advance(30_000);
  for (let turn = 0; at.control.fault !== undefined && turn < 1000; turn++) await new Promise(setImmediate);
  assert.equal(at.control.fault, undefined);
});

test("answerControl() answers nobody at addresses that it does not accept", async () => {
  await using at = await rig({ rank: (_, own) => (own === "127.0.0.1" ? undefined : 0) });
  assert.deepEqual(await ask(await dial(at.port), model, 1), []);
});
