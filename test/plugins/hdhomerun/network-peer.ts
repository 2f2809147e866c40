// A neighbour in a network namespace of its own: asks what it is told to, and prints the answers as one line of JSON.
import { Buffer } from "node:buffer";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { openAsker } from "./asking.ts";

/** What is asked: from an address (and, with IPv6, through an interface), of an address, in hexadecimal. */
export interface Ask {
  readonly from: string;
  readonly zone?: string;
  readonly to: string;
  readonly port: number;
  readonly hex: string;
}

export interface Job {
  /** One after the other, from a socket each. */
  readonly asks: readonly Ask[];
  /** Milliseconds to wait at most until each has an answer. */
  readonly wait: number;
}

if (import.meta.main) {
  const { asks, wait } = JSON.parse(process.argv[2] ?? "") as Job;
  const askers = [];
  for (const { from, zone, to, port, hex } of asks) {
    const asker = await openAsker(from, zone);
    askers.push(asker);
    await asker.ask(Buffer.from(hex, "hex"), port, zone === undefined ? to : `${to}%${zone}`);
  }
  for (let turn = 0; turn < wait / 20 && askers.some(({ answers }) => answers.length === 0); turn++)
    await setTimeout(20);
  const told = askers.map(({ answers }) => answers.map(({ bytes }) => Buffer.from(bytes).toString("hex")));
  process.stdout.write(`${JSON.stringify(told)}\n`);
  process.exit(0);
}
