// By hand: what receiving costs: CPU per datagram of a multicast stream on loopback, bare node:dgram against our transport.
// Usage: bun test/bench/datagrams.ts [Mbit/s, default 400] [seconds a round, default 3]
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../core/clock.ts";
import { enlargeReceiveBuffer } from "../../core/runtime/datagram.ts";
import type { DialContext } from "../../core/transport/context.ts";
import { type DatagramSource, openRtp, openUdp } from "../../core/transport/udp.ts";

const rate = Number(process.argv[2] ?? 400);
const seconds = Number(process.argv[3] ?? 3);
const group = "239.255.90.1";

// The sender is a process of its own: only what receives is measured.
const sender = `
import { createSocket } from "node:dgram";
const [port, rtp, perSecond, seconds] = process.argv.slice(1).map(Number);
const socket = createSocket("udp4");
socket.bind(0, "127.0.0.1", async () => {
  socket.setMulticastInterface("127.0.0.1");
  const packet = Buffer.alloc(rtp ? 1328 : 1316);
  for (let at = rtp ? 12 : 0; at < packet.length; at += 188) packet[at] = 0x47;
  if (rtp) packet.set([0x80, 33]);
  const begin = performance.now();
  let sent = 0;
  while (performance.now() - begin < seconds * 1000) {
    const due = ((performance.now() - begin) / 1000) * perSecond;
    for (; sent < due; sent++) {
      // What is being sent must not change.
      const next = Buffer.from(packet);
      if (rtp) next.writeUInt16BE(sent & 0xffff, 2);
      socket.send(next, port, "${group}");
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(sent);
  process.exit(0);
});
`;

const log = { debug() {}, info() {}, warn: console.warn, error: console.error };
// Datagrams need nothing else of it.
const context = { clock: systemClock, log, interface: "127.0.0.1", ffmpeg: {} } as unknown as DialContext;

async function round(name: string, port: number, rtp: boolean, receive: () => Promise<() => Promise<number>>) {
  const receiving = receive();
  await sleep(100);

  const perSecond = String((rate * 1e6) / 8 / 1316);
  const child = spawn(process.execPath, ["-e", sender, String(port), rtp ? "1" : "0", perSecond, String(seconds)]);
  const before = process.cpuUsage();
  const output = once(child.stdout, "data");
  child.stderr.pipe(process.stderr);
  const finish = await receiving;
  const sent = Number(String((await output)[0]));
  await sleep(200);
  const { user, system } = process.cpuUsage(before);
  const received = (await finish()) / 1316;
  const lost = (((sent - received) / sent) * 100).toFixed(2);
  console.log(
    `${name}: ${((user + system) / received).toFixed(2)} µs a datagram, ${received} of ${sent}, ${lost} % lost`,
  );
}

async function bare(port: number): Promise<() => Promise<number>> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  let bytes = 0;
  socket.on("message", (message) => {
    bytes += Math.floor(message.length / 1316) * 1316;
  });
  socket.bind(port, group);
  await once(socket, "listening");
  socket.addMembership(group, "127.0.0.1");
  enlargeReceiveBuffer(socket, 4 << 20);
  return async () => {
    socket.close();
    return bytes;
  };
}

async function ours(url: string, opener: typeof openUdp): Promise<() => Promise<number>> {
  const source = (await opener(url, { signal: new AbortController().signal }, context)) as DatagramSource;
  const reader = source.chunks[Symbol.asyncIterator]();
  let bytes = 0;
  const reading = (async () => {
    for (let next = await reader.next(); !next.done; next = await reader.next()) bytes += next.value.length;
  })();
  return async () => {
    await reader.return?.();
    await reading;
    return bytes;
  };
}

for (let turn = 0; turn < 3; turn++) {
  const port = 20_000 + turn * 10;
  await round("node:dgram", port, false, () => bare(port));
  await round("openUdp   ", port + 1, false, () => ours(`udp://@${group}:${port + 1}`, openUdp));
  await round("openRtp   ", port + 2, true, () => ours(`rtp://@${group}:${port + 2}`, openRtp));
}
process.exit(0);
