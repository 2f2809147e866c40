// What the operator's line carries, where an interface is there for it alone: others on this machine may use it, too.
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { type Clock, HeadendError, type Job } from "../../core/plugin.ts";

export interface LineOptions {
  readonly clock: Clock;
  /** Bits a second that may come at all. */
  readonly limit: number;
  readonly instance: string;
  /** Our address in the operator's network, and the one by which this machine reaches all else; undefined: not known. */
  face(): string | undefined;
  elsewhere(): Promise<string | undefined>;
  /** Bits a second that our own streams bring. */
  own(): number;
  /** Bytes that an interface has received since it is up. */
  readonly received?: (name: string) => Promise<number | undefined>;
  readonly interfaces?: typeof networkInterfaces;
}

export interface Line {
  /** Bits a second by the interface over the last seconds; undefined: it is not there for the line alone, or not known. */
  readonly bits: number | undefined;
  /** Bits a second of these that are none of our streams: the least of the last samples, as streams come and go. */
  readonly others: number;
  /** What others take is not ours to take away. @throws HeadendError `tune.bandwidth` when there is no room for one more */
  expectRoom(channel: string): void;
  readonly job: Job;
}

/** Milliseconds between two samples, and how many are looked at. */
const every = 3000;
const mostSamples = 3;
/** Milliseconds after which it is asked again which way leads elsewhere. */
const routeTime = 60_000;
/** Bits a second of a channel, as a rule. */
const usualBits = 8_000_000;

export function createLine(o: LineOptions): Line {
  const { clock, received = readReceived, interfaces = networkInterfaces } = o;
  let last: { readonly name: string; readonly bytes: number; readonly at: number } | undefined;
  let asked: { readonly name: string | undefined; readonly at: number } | undefined;
  let samples: { readonly bits: number; readonly others: number }[] = [];

  function forget(): void {
    last = undefined;
    samples = [];
  }

  const others = () => (samples.length < mostSamples ? 0 : Math.min(...samples.map((sample) => sample.others)));

  /** The interface that has an address, unless it is this machine's own loop. */
  function nameOf(address: string | undefined): string | undefined {
    if (address === undefined) return undefined;
    return Object.entries(interfaces()).find(([, all]) =>
      all?.some((each) => each.address === address && !each.internal),
    )?.[0];
  }

  return {
    get bits() {
      return samples.at(-1)?.bits;
    },
    get others() {
      return others();
    },
    expectRoom(channel) {
      const used = o.own() + others();
      if (others() === 0 || used + usualBits <= o.limit) return;
      const [inUse, limit, needed] = [used, o.limit, usualBits].map((bits) => `${(bits / 1e6).toFixed(1)} Mbit/s`);
      throw new HeadendError("tune.bandwidth", {
        ...{ instance: o.instance, channel, used: inUse ?? "", limit: limit ?? "", needed: needed ?? "" },
      });
    },
    job: {
      every,
      async run() {
        const name = nameOf(o.face());
        // What comes by an interface of all the house says nothing of the line.
        if (!asked || clock.monotonic() - asked.at >= routeTime)
          asked = { name: nameOf(await o.elsewhere()), at: clock.monotonic() };
        if (name === undefined || name === asked.name) return forget();
        const bytes = await received(name);
        if (bytes === undefined) return forget();
        const at = clock.monotonic();
        if (last?.name === name && bytes >= last.bytes && at > last.at) {
          const bits = ((bytes - last.bytes) * 8000) / (at - last.at);
          samples = [...samples, { bits, others: Math.max(0, bits - o.own()) }].slice(-mostSamples);
        } else samples = [];
        last = { name, bytes, at };
      },
    },
  };
}

/** As Linux tells it; other systems do not. */
async function readReceived(name: string): Promise<number | undefined> {
  const text = await readFile(`/sys/class/net/${name}/statistics/rx_bytes`, "utf8").catch(() => "");
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
