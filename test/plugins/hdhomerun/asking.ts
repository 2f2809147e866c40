// A client that asks datagrams and keeps what it is answered, and a device to be asked about.
import { Buffer } from "node:buffer";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "../../../core/plugin.ts";
import type { AnnouncedDevice } from "../../../plugins/hdhomerun/announced.ts";

export interface Answer {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
}

export interface Asker {
  readonly port: number;
  /** All that has come. */
  readonly answers: readonly Answer[];
  ask(bytes: Uint8Array, port: number, address?: string): Promise<void>;
  /** Resolves when so many have come; fails when they do not within five seconds. */
  wait(count: number): Promise<readonly Answer[]>;
  close(): Promise<void>;
}

/** @param from an address of this machine, whose interface groups are reached by (IPv6: by `zone`) */
export async function openAsker(from = "127.0.0.1", zone?: string): Promise<Asker> {
  const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
  socket.bind({ address: from, port: 0 });
  await once(socket, "listening");
  if (zone === undefined) socket.setBroadcast(true);
  socket.setMulticastInterface(zone === undefined ? from : `::%${zone}`);
  return asker(socket);
}

/** Hears what is sent to a group on loopback. */
export async function openHearer(group: string, port: number): Promise<Asker> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  // Bound to the group: what is sent to the port's address is for others.
  socket.bind({ address: group, port });
  await once(socket, "listening");
  socket.addMembership(group, "127.0.0.1");
  return asker(socket);
}

function asker(socket: Socket): Asker {
  const answers: Answer[] = [];
  socket.on("message", (bytes, { address, port }) => void answers.push({ bytes: Buffer.from(bytes), address, port }));
  socket.on("error", () => {});
  return {
    port: socket.address().port,
    answers,
    ask: (bytes, port, address = "127.0.0.1") =>
      new Promise((resolve, reject) =>
        socket.send(bytes, port, address, (error) => (error ? reject(error) : resolve())),
      ),
    async wait(count) {
      for (let turn = 0; answers.length < count; turn++) {
        if (turn > 500) throw new Error(`${answers.length} of ${count} answers came`);
        await setTimeout(10);
      }
      return answers;
    },
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}

export const device: AnnouncedDevice = {
  id: "10500009",
  uuid: "5f9b2d30-1c1e-4b6a-9a51-3d2f1a0b7c44",
  tuners: 4,
  port: 5004,
  name: "Headend",
  model: "HDHR5-4US",
  firmware: "hdhomerun5_atsc",
  version: "20250815",
  status: (tuner) => (tuner === 1 ? { channel: "12", program: "News" } : {}),
};

/** Everything that was logged. */
export function createKeptLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (sentence: string) => void lines.push(sentence);
  return { lines, debug: keep, info: keep, warn: keep, error: keep };
}
