// By hand: how fast bytes are cut into batches, beside a plain copy of them. `bun test/bench/cutter.ts [MEGABYTES]`
import { Buffer } from "node:buffer";
import process from "node:process";
import { createCutter } from "../../core/hub/cutter.ts";
import { createRing } from "../../core/hub/ring.ts";
import { packet, packetsOf, pat, pes, pmt } from "../core/formats/packets.ts";

const megabytes = Number(process.argv[2] ?? 512);
const rounds = 7;

/** Two seconds of 8 Mbit/s: tables ten times a second, a key frame at the start, video and sound, some stuffing. */
function createClip(): Uint8Array {
  const parts: Uint8Array[] = [];
  const counters = new Map<number, number>();
  const step = (pid: number) => {
    const counter = counters.get(pid) ?? 0;
    counters.set(pid, (counter + 1) & 15);
    return counter;
  };
  const streams = [
    { pid: 0x100, type: 0x1b },
    { pid: 0x101, type: 0x0f },
  ];
  for (let index = 0; index < 10_640; index++) {
    if (index % 532 === 0) {
      parts.push(packetsOf(0, pat({ 1: 0x1000 }), step(0)));
      parts.push(packetsOf(0x1000, pmt(1, 0x100, streams), step(0x1000)));
    }
    const body = Array.from({ length: 184 }, (_, at) => (at * 7 + index) & 0xff);
    if (index === 0) parts.push(packet(0x100, pes([0, 0, 0, 1, 0x67, 0x42]), { counter: step(0x100) }));
    else if (index % 212 === 0) parts.push(packet(0x100, pes([0, 0, 0, 1, 0x41], index), { counter: step(0x100) }));
    else if (index % 20 === 0) parts.push(packet(0x101, body, { starts: false, counter: step(0x101) }));
    else if (index % 33 === 0) parts.push(packet(0x1fff, body, { starts: false }));
    else parts.push(packet(0x100, body, { starts: false, counter: step(0x100) }));
  }
  return new Uint8Array(Buffer.concat(parts));
}

const clip = createClip();
const bytes = megabytes * 2 ** 20;

function cut(chunkBytes: number, spliced: boolean): number {
  const cutter = createCutter(createRing(4 * 2 ** 20, 16 * 2 ** 20));
  if (spliced) {
    cutter.write(clip);
    cutter.splice();
  }
  const begun = performance.now();
  for (let done = 0; done < bytes; )
    for (let at = 0; at < clip.length && done < bytes; at += chunkBytes) {
      const chunk = clip.subarray(at, at + chunkBytes);
      cutter.write(chunk);
      done += chunk.length;
    }
  return megabytes / ((performance.now() - begun) / 1000);
}

function copy(): number {
  const begun = performance.now();
  let room = new Uint8Array(65_424);
  let to = 0;
  for (let done = 0; done < bytes; )
    for (let at = 0; at + 65_424 <= clip.length && done < bytes; at += 65_424) {
      if (to + 65_424 > room.length) {
        room = new Uint8Array(65_424);
        to = 0;
      }
      room.set(clip.subarray(at, at + 65_424), to);
      to += 65_424;
      done += 65_424;
    }
  return megabytes / ((performance.now() - begun) / 1000);
}

const ways: Record<string, () => number> = {
  "plain copy": copy,
  "chunks of 65,424 bytes": () => cut(65_424, false),
  "the same, after a splice": () => cut(65_424, true),
  "chunks of 16,384 bytes, unaligned": () => cut(16_384, false),
  "chunks of 1316 bytes": () => cut(1316, false),
};
const results = Object.keys(ways).map((name) => ({ name, rates: [] as number[] }));
for (let round = 0; round < rounds; round++) for (const { name, rates } of results) rates.push(ways[name]?.() ?? 0);
for (const { name, rates } of results) {
  rates.sort((a, b) => a - b);
  process.stdout.write(`${name}: ${Math.round(rates[Math.floor(rounds / 2)] ?? 0)} MB/s\n`);
}
