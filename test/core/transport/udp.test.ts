// Datagram streams on loopback: what is sent is what is read, in order, of one group and one sender; and all is closed.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, test } from "node:test";
import type { Opener } from "../../../core/transport/context.ts";
import { type DatagramSource, openRtp, openUdp } from "../../../core/transport/udp.ts";
import { countContinuityErrors, makeClip, mediaMissing, startSender } from "../../support/media.ts";
import { multicastMissing } from "../../support/multicast.ts";
import { openDialling } from "./dialing.ts";
import { bound, createGatherClock, cut, freePort, openSender, packet, readUntil, stream } from "./udp/sending.ts";

const dialling = await openDialling();
after(() => dialling.close());
const { context } = dialling;

async function open(
  opener: Opener,
  url: string,
  o: { interface?: string; signal?: AbortSignal; bufferBytes?: number } = {},
) {
  const { signal = new AbortController().signal, ...rest } = o;
  return (await opener(url, { signal }, { ...context, ...rest })) as DatagramSource;
}

const close = (source: DatagramSource) => source.chunks[Symbol.asyncIterator]().return?.();

/** What one opener makes of datagrams: all that come while it is read. */
async function receive(opener: Opener, url: string, to: string, datagrams: readonly Uint8Array[], bytes: number) {
  const port = Number(/:(\d+)(?:\?|$)/.exec(url)?.[1]);
  const sender = await openSender(to, port, "127.0.0.1");
  const opening = open(opener, url, { interface: "127.0.0.1" });
  // What is sent before is lost.
  await bound();
  const sending = sender.send(...datagrams);
  const source = await opening;
  const read = await readUntil(source.chunks, bytes);
  await sending;
  await close(source);
  await sender.close();
  return { source, read };
}

test("openUdp() reads a unicast stream whole, in few chunks", async () => {
  const port = await freePort();
  const url = `udp://127.0.0.1:${port}`;
  const { source, read } = await receive(openUdp, url, "127.0.0.1", cut(stream), stream.length);
  assert.equal(Buffer.compare(read, stream), 0);
  assert.equal(source.how, "udp unicast");
  assert.equal(source.dropped, 0);
});

test("openUdp() joins a group through the interface that it is given", { skip: multicastMissing }, async () => {
  const port = await freePort();
  const url = `udp://@239.255.77.1:${port}`;
  const { source, read } = await receive(openUdp, url, "239.255.77.1", cut(stream), stream.length);
  assert.equal(Buffer.compare(read, stream), 0);
  assert.equal(source.how, "udp multicast");
});

test("openUdp() takes packets that are cut anywhere", async () => {
  const url = `udp://127.0.0.1:${await freePort()}`;
  const { read } = await receive(openUdp, url, "127.0.0.1", cut(stream, 1472), stream.length);
  assert.equal(Buffer.compare(read, stream), 0);
});

test("openRtp() reads past sources, extension and padding, restores the order and drops what comes twice", {
  skip: multicastMissing,
}, async () => {
  const url = `rtp://239.255.77.2:${await freePort()}`;
  const more = { csrcs: [1, 2, 3], extension: { profile: 0xbede, data: new Uint8Array(12) }, padding: 8 };
  const packets = cut(stream).map((payload, index) => packet(index + 65_000, payload, more));
  for (let at = 1; at + 9 < packets.length; at += 10) {
    const [one, two] = [packets[at], packets[at + 3]];
    assert.ok(one && two);
    packets[at] = two;
    packets[at + 3] = one;
    packets.splice(at + 6, 0, two);
  }
  const { source, read } = await receive(openRtp, url, "239.255.77.2", packets, stream.length);
  assert.equal(Buffer.compare(read, stream), 0);
  assert.equal(source.how, "rtp multicast");
  assert.ok(source.counts.duplicates > 5);
  assert.equal(source.counts.lost, 0);
});

test("openRtp() goes on after what is lost, and counts it", async () => {
  const url = `rtp://127.0.0.1:${await freePort()}`;
  const payloads = cut(stream);
  const kept = payloads.map((payload, index) => ({ payload, index })).filter(({ index }) => index % 15 !== 14);
  const wanted = Buffer.concat(kept.map(({ payload }) => payload));
  const packets = kept.map(({ payload, index }) => packet(index, payload));
  const { source, read } = await receive(openRtp, url, "127.0.0.1", packets, wanted.length);
  assert.equal(Buffer.compare(read, wanted), 0);
  assert.equal(source.counts.lost, 4);
});

test("openUdp() recognises RTP, and openRtp() a stream without it", async () => {
  const packets = cut(stream).map((payload, index) => packet(index, payload));
  const udp = await receive(openUdp, `udp://127.0.0.1:${await freePort()}`, "127.0.0.1", packets, stream.length);
  assert.equal(Buffer.compare(udp.read, stream), 0);
  assert.equal(udp.source.how, "rtp unicast");
  const url = `rtp://@:${await freePort()}`;
  const rtp = await receive(openRtp, url, "127.0.0.1", cut(stream), stream.length);
  assert.equal(Buffer.compare(rtp.read, stream), 0);
  assert.equal(rtp.source.how, "udp unicast");
});

test("openUdp() keeps two groups with one port apart", { skip: multicastMissing }, async () => {
  const port = await freePort();
  const marked = (mark: number) => cut(stream).map((piece) => Uint8Array.from(piece).fill(mark, 4, 188));
  const groups = ["239.255.77.3", "239.255.77.4"];
  const opening = groups.map((group) => open(openUdp, `udp://@${group}:${port}?localaddr=127.0.0.1`));
  await bound();
  await Promise.all(
    groups.map(async (group, index) => {
      const sender = await openSender(group, port, "127.0.0.1");
      await sender.send(...marked(index + 1));
      await sender.close();
    }),
  );
  for (const [index, each] of opening.entries()) {
    const source = await each;
    const wanted = Buffer.concat(marked(index + 1));
    assert.equal(Buffer.compare(await readUntil(source.chunks, wanted.length), wanted), 0);
    await close(source);
  }
});

test("openUdp() takes of a source-specific group only what that source sends", { skip: multicastMissing }, async () => {
  const port = await freePort();
  const opening = open(openUdp, `udp://127.0.0.2@232.1.77.5:${port}?iface=lo`);
  await bound();
  const right = await openSender("232.1.77.5", port, "127.0.0.2", "127.0.0.1");
  const wrong = await openSender("232.1.77.5", port, "127.0.0.1");
  const pieces = cut(stream).slice(0, 40);
  for (const piece of pieces) {
    await wrong.send(Uint8Array.from(piece).fill(0, 4));
    await right.send(piece);
  }
  const source = await opening;
  const wanted = Buffer.concat(pieces);
  assert.equal(Buffer.compare(await readUntil(source.chunks, wanted.length), wanted), 0);
  await Promise.all([close(source), right.close(), wrong.close()]);
});

test("openUdp() drops the oldest when nobody reads, and holds no more than it may", async () => {
  const port = await freePort();
  const opening = open(openUdp, `udp://127.0.0.1:${port}`, { bufferBytes: 70_000 });
  await bound();
  const sender = await openSender("127.0.0.1", port, "127.0.0.1");
  await sender.send(...cut(stream));
  const source = await opening;
  while (source.dropped < stream.length - 70_000) await bound();
  assert.ok(source.dropped >= stream.length - 70_000);
  const left = stream.length - source.dropped;
  assert.ok(left <= 70_000 && left > 0);
  assert.equal(Buffer.compare(await readUntil(source.chunks, left), stream.subarray(source.dropped)), 0);
  await Promise.all([close(source), sender.close()]);
});

test("openUdp() has freed its port when return() resolves, though a read was waiting", async () => {
  const port = await freePort();
  const opening = open(openUdp, `udp://127.0.0.1:${port}`);
  await bound();
  const sender = await openSender("127.0.0.1", port, "127.0.0.1");
  await sender.send(...cut(stream).slice(0, 2));
  const reader = (await opening).chunks[Symbol.asyncIterator]();
  await reader.next();
  const waiting = reader.next();
  await reader.return?.();
  assert.equal((await waiting).done, true);
  const again = createSocket("udp4");
  again.bind(port, "127.0.0.1");
  await once(again, "listening");
  again.close();
  await sender.close();
});

test("openUdp() ends with the signal's reason, before and after it is open", async () => {
  const port = await freePort();
  const early = new AbortController();
  const opening = open(openUdp, `udp://127.0.0.1:${port}`, { signal: early.signal });
  await bound();
  early.abort(new Error("enough"));
  await assert.rejects(opening, /enough/);
  const late = new AbortController();
  const second = open(openUdp, `udp://127.0.0.1:${port}`, { signal: late.signal });
  await bound();
  const sender = await openSender("127.0.0.1", port, "127.0.0.1");
  await sender.send(...cut(stream).slice(0, 1));
  const reader = (await second).chunks[Symbol.asyncIterator]();
  await reader.next();
  const waiting = reader.next();
  late.abort(new Error("enough now"));
  await assert.rejects(waiting, /enough now/);
  assert.equal((await reader.next()).done, true);
  await sender.close();
});

test("openUdp() gives up after ten seconds without a stream", { skip: multicastMissing }, async () => {
  const clock = createGatherClock();
  const opening = openUdp(
    "udp://239.255.77.6:1",
    { signal: new AbortController().signal },
    {
      ...context,
      clock,
      interface: "lo",
    },
  );
  const failed = assert.rejects(opening, { code: "dial.timeout", message: "udp://239.255.77.6:1: no data within 10s" });
  while (clock.longSleeps < 2) await bound();
  await clock.advance(10_000);
  await failed;
  assert.equal(clock.sleeping, 0);
});

test("openRtp() says what comes when it is no transport stream", async () => {
  const port = await freePort();
  const opening = open(openRtp, `rtp://127.0.0.1:${port}`);
  const failed = assert.rejects(opening, { code: "dial.content", message: /RTP of payload type 96/ });
  await bound();
  const sender = await openSender("127.0.0.1", port, "127.0.0.1");
  const video = Array.from({ length: 120 }, (_, index) =>
    packet(index, Uint8Array.of(0x65, 1, 2, 3), { payloadType: 96 }),
  );
  await sender.send(...video);
  await failed;
  await sender.close();
});

test("openUdp() says what is wrong with an address, an interface or a port", async () => {
  const fails = (url: string, message: RegExp, face?: string) =>
    assert.rejects(open(openUdp, url, face ? { interface: face } : {}), { code: "dial.refused", message });
  await fails("udp://@239.1.1.1", /a port from 1 to 65535 is missing/);
  await fails("udp://@239.1.1.1:70000", /a port from 1 to 65535 is missing/);
  await fails("udp://239.1.1.300:1234", /239\.1\.1\.300 is no IPv4 address/);
  await fails("udp://me:secret@239.1.1.1:1234", /^udp:\/\/\*\*\*@239\.1\.1\.1:1234: before the @ stands the sender's/);
  await fails(
    "udp://@239.1.1.1:1234",
    /no network interface is called eth77; there are: .*lo \(127\.0\.0\.1\)/,
    "eth77",
  );
  await fails("udp://@239.1.1.1:1234?localaddr=192.0.2.77", /no network interface has the address 192\.0\.2\.77/);
  await fails("udp://192.0.2.77:1234", /192\.0\.2\.77 is no address of this machine; .* write @:1234/);
  await fails("udp://no-such-host.invalid:1234", /no-such-host\.invalid is not known/);
  const taken = createSocket("udp4");
  taken.bind(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address();
  await fails(`udp://127.0.0.1:${port}`, new RegExp(`port ${port} is in use by another program`));
  taken.close();
});

test("openRtp() reads what ffmpeg sends without a gap", { skip: mediaMissing, timeout: 30_000 }, async () => {
  const port = await freePort();
  const clip = await makeClip();
  const opening = open(openRtp, `rtp://127.0.0.1:${port}`);
  const sender = startSender(clip, `rtp://127.0.0.1:${port}?pkt_size=1328`, { format: "rtp_mpegts" });
  const source = await opening;
  const read = await readUntil(source.chunks, 200_000);
  await close(source);
  await sender.stop();
  assert.equal(source.how, "rtp unicast");
  assert.equal(source.counts.lost, 0);
  assert.equal(countContinuityErrors(read), 0);
});
