// The wire: read as it comes, held, or read by the beat; nothing is lost, and an end is seen however it is read.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { openWire } from "../../../../core/transport/rtsp/wire.ts";
import { createTestClock } from "../../../support/clock.ts";
import { bound } from "../udp/sending.ts";

async function withWire(work: (rig: Awaited<ReturnType<typeof openRig>>) => Promise<void>): Promise<void> {
  const rig = await openRig();
  try {
    await work(rig);
  } finally {
    rig.wire.socket.destroy();
    rig.far.destroy();
    rig.server.close();
  }
}

async function openRig() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clock = createTestClock();
  const { signal } = new AbortController();
  const accepted = once(server, "connection");
  const wire = await openWire({ host: "127.0.0.1", port, shown: "rtsp://camera", clock, signal, limit: 1000 });
  const [far] = (await accepted) as [Socket];
  far.setNoDelay(true);
  const sizes: number[] = [];
  let sum = 0;
  wire.read((bytes) => {
    sizes.push(bytes.length);
    for (const byte of bytes) sum += byte;
  });
  const length = () => sizes.reduce((all, each) => all + each, 0);
  return {
    server,
    clock,
    wire,
    far,
    sizes,
    sum: () => sum,
    length,
    send: (bytes: number) => new Promise<void>((resolve) => far.write(new Uint8Array(bytes).fill(1), () => resolve())),
    async arrived(bytes: number) {
      while (length() < bytes) await bound();
    },
    /** Long enough for whatever would come. */
    async calm() {
      for (let turn = 0; turn < 20; turn++) await bound();
    },
  };
}

test("openWire() reads as it comes, until it is told to rest; then by the beat, all that came at once", async () => {
  await withWire(async ({ clock, wire, send, sizes, sum, length, arrived, calm }) => {
    await send(100);
    await arrived(100);
    wire.relax();
    await send(100);
    await arrived(200);
    const read = sizes.length;
    for (let turn = 0; turn < 5; turn++) {
      await send(1000);
      await calm();
    }
    assert.equal(length(), 200);
    await clock.advance(160);
    await arrived(5200);
    assert.equal(sizes.length, read + 1);
    assert.equal(sum(), 5200);
  });
});

test("openWire() does not make wait who sends much at once", async () => {
  await withWire(async ({ clock, wire, send, arrived, calm, length }) => {
    wire.relax();
    await send(10);
    await arrived(10);
    const sent = send(3_000_000);
    await calm();
    assert.equal(length(), 10);
    await clock.advance(160);
    // One beat for all of it, but for what comes last.
    while (length() < 3_000_010) {
      const before = length();
      await calm();
      if (length() === before) await clock.advance(160);
    }
    await sent;
    assert.ok(clock.monotonic() < 2000, `${clock.monotonic()} ms`);
  });
});

test("openWire() takes nothing while it is held, and sees the end of who rests", async () => {
  await withWire(async ({ clock, wire, far, send, arrived, calm, length }) => {
    wire.hold(true);
    await send(10);
    await arrived(10);
    await send(10);
    await calm();
    assert.equal(length(), 10);
    wire.hold(false);
    await arrived(20);
    wire.relax();
    await send(10);
    await arrived(30);
    const closed = once(wire.socket, "close");
    far.end(new Uint8Array(5));
    await calm();
    await clock.advance(160);
    await arrived(35);
    wire.socket.destroy();
    await closed;
    await clock.advance(160);
    assert.equal(clock.sleeping, 0);
  });
});
