// A Kodi as a giver of sources: its add-ons, found anew at each refresh, the last known ones while it cannot be asked.
import { join } from "node:path";
import { type Cache, type Clock, type Fetch, HeadendError, type Logger } from "../../../core/plugin.ts";
import { isLoopback, type Limits } from "../callback.ts";
import type { Config } from "../config.ts";
import type { Ask } from "../half.ts";
import { sentenceOf } from "../summary.ts";
import type { AddOn } from "./add-on.ts";
import { discoverAddOns } from "./discover.ts";
import { createRpc, sendRunPlugin } from "./remote.ts";
import { askAddOn, type Way } from "./trigger.ts";

export interface KodiOptions {
  readonly fetch: Fetch;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly limits: Limits;
}

export interface Kodi {
  /** The add-ons that take part; the last known ones, and `error`, when they cannot be asked. */
  addOns(): Promise<readonly AddOn[]>;
  readonly error: unknown;
  /** How an address of an add-on is asked. */
  ask(what: string, address: string): Ask;
  /** Plays an address on this Kodi. @throws HeadendError also when it has no JSON-RPC */
  play(address: string, signal: AbortSignal): Promise<void>;
}

type KodiConfig = NonNullable<Config["kodi"]>;

const keys = { addOns: "kodi/add-ons.json", way: "kodi/way" } as const;

export async function createKodi(config: KodiConfig, o: KodiOptions): Promise<Kodi> {
  const { cache, log, signal, limits } = o;
  const { jsonrpc, home, user, password, eventPort, listen, from, port } = config;
  const named = jsonrpc && new URL(jsonrpc).hostname.replace(/^\[|\]$/g, "");
  const host = config.host ?? named ?? "127.0.0.1";
  const isHere = (name: string) => name === "localhost" || isLoopback(name);
  // Its add-ons call back to the machine that they are on.
  const far = !isHere(host) && listen === undefined && port === undefined;
  const rpc = jsonrpc === undefined ? undefined : createRpc({ url: jsonrpc, user, password, ...o });
  let known = readAddOns(await cache.read(keys.addOns));
  let error: unknown;
  let way = await cache.read(keys.way);
  const memory = {
    get worked() {
      return way;
    },
    set worked(name) {
      if (name === undefined || name === way) return;
      way = name;
      log.info(`add-ons of Kodi are reached by ${name}`);
      cache.write(keys.way, name).catch(() => {});
    },
  };
  const inTurn = createTurns();
  const ways: Way[] = [
    ...(eventPort > 0
      ? [{ name: "EventServer", waits: false, run: (at: string) => sendRunPlugin(at, host, eventPort) }]
      : []),
    ...(rpc
      ? [
          {
            name: "JSON-RPC",
            waits: true,
            async run(at: string, s: AbortSignal) {
              await rpc("Files.GetDirectory", { directory: at, media: "files" }, s, limits.total);
            },
          },
        ]
      : []),
  ];

  return {
    async addOns() {
      try {
        const fellBack = (why: unknown) => log.warn(`Kodi does not answer, so its files were read: ${sentenceOf(why)}`);
        const found = await discoverAddOns({ rpc, home, here: isHere(named ?? host), signal, fellBack });
        error = undefined;
        const text = JSON.stringify(found);
        if (text !== JSON.stringify(known)) {
          log.info(`${found.length} add-ons of Kodi take part: ${found.map(({ name }) => name).join(", ") || "none"}`);
          await cache.write(keys.addOns, text);
        }
        known = found;
      } catch (why) {
        error = why;
      }
      return known;
    },
    get error() {
      return error;
    },
    ask: (what, address) => ({
      how: "Kodi",
      bytes(s) {
        const where = { ...(listen && { listen }), ...(from && { from }), ...(port && { port }) };
        const asked = () => askAddOn(address, { what, limits, clock: o.clock, signal: s, ways, memory, far, ...where });
        return port === undefined ? asked() : inTurn(asked);
      },
    }),
    async play(address, s) {
      if (!rpc)
        throw new HeadendError("request.invalid", {
          reason: "the config does not say where Kodi's JSON-RPC is: kodi.jsonrpc",
        });
      await rpc("Player.Open", { item: { file: address } }, s);
    },
  };
}

/** One after the other, for a port that only one can have. */
function createTurns(): (open: () => AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  let last: Promise<void> = Promise.resolve();
  return async function* inTurn(open) {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    try {
      yield* open();
    } finally {
      resolve();
    }
  };
}

/** The path of an add-on's icon, where its folder is here. */
export function iconOf({ folder, icon }: AddOn): string | undefined {
  return folder && icon ? join(folder, icon) : undefined;
}

function readAddOns(text: string | undefined): readonly AddOn[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
