// The operator's web service: an action in, what its envelope holds out; the next end point where one is down.
import { type Clock, type Fetch, HeadendError, type Logger } from "../../core/plugin.ts";
import type { Resolve } from "./resolve.ts";

/** What an envelope holds: fields come, go and are renamed, so nothing is believed of them. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Appserver {
  /** End points in the order in which they are tried. */
  readonly endPoints: readonly string[];
  /** Takes others, best first; they are tried before those that are known. */
  learn(endPoints: readonly string[]): void;
  /**
   * Asks for an action.
   *
   * @returns undefined when the service answers that it has nothing
   * @throws HeadendError `fetch.*` when no end point answers
   */
  ask(action: string, query?: Readonly<Record<string, string | number>>, signal?: AbortSignal): Promise<unknown>;
}

/** Known since 2021, in the order of their names. */
export const knownEndPoints: readonly string[] = ["www-60", "nc2", "nc4", "nc5", "nc6"].map(
  (name) => `http://${name}.svc.imagenio.telefonica.net:2001`,
);

/** Milliseconds for one answer, and for which an end point that gave none is passed over. */
const answerLimit = 4000;
const restTime = 60_000;
const mostBytes = 16 * 2 ** 20;
/** End points that are tried. */
const mostEndPoints = 16;

export interface AppserverOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Logger;
  readonly endPoints: readonly string[];
  readonly resolve: Resolve;
}

export function createAppserver({ fetch, clock, log, resolve, endPoints: given }: AppserverOptions): Appserver {
  let endPoints: readonly string[] = given.map(bare);
  /** Until when each is passed over, by the monotonic clock. */
  const resting = new Map<string, number>();

  async function askOne(endPoint: string, query: URLSearchParams, signal: AbortSignal | undefined): Promise<unknown> {
    const { url, headers } = await resolve(`${endPoint}/appserver/mvtv.do?${query}`);
    const response = await fetch(url, {
      headers: { ...headers, "user-agent": "MICA-IP-STB", accept: "application/json" },
      timeout: answerLimit,
      idle: answerLimit,
      maxBytes: mostBytes,
      ...(signal ? { signal } : {}),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new HeadendError("fetch.status", { url: endPoint, status: response.status });
    }
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new HeadendError("fetch.refused", { url: endPoint, reason: "what it answers is no JSON" }, error);
    }
  }

  return {
    get endPoints() {
      return endPoints;
    },
    learn(more) {
      // What was configured is never forgotten, whatever is announced.
      endPoints = [...new Set([...more.slice(0, mostEndPoints), ...given].map(bare))];
    },
    async ask(action, query = {}, signal) {
      const words = new URLSearchParams({ action });
      for (const [key, value] of Object.entries(query)) words.set(key, String(value));
      const now = clock.monotonic();
      const isResting = (endPoint: string) => (resting.get(endPoint) ?? 0) > now;
      // Those that rest come last: when all do, one may be back.
      const order = endPoints.toSorted((a, b) => Number(isResting(a)) - Number(isResting(b)));
      let last: unknown;
      for (const endPoint of order) {
        try {
          const envelope = fieldsOf(await askOne(endPoint, words, signal));
          if (resting.delete(endPoint)) log.info(`${endPoint} answers again`);
          return Number(envelope.resultCode ?? 0) === 0 ? (envelope.resultData ?? undefined) : undefined;
        } catch (error) {
          signal?.throwIfAborted();
          last = error;
          if (!isResting(endPoint)) log.warn(`${endPoint} does not answer; the next one is asked`);
          resting.set(endPoint, now + restTime);
        }
      }
      throw last;
    },
  };
}

const bare = (url: string) => url.replace(/\/+$/, "");

/** An object's fields; of anything else, none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** A field by the end of its name, upper and lower case alike: `RES_BASE_URI` has been `res_BASE_URI`. */
export function fieldLike(fields: Fields, pattern: RegExp): unknown {
  return Object.entries(fields).find(([name, value]) => pattern.test(name) && value !== null && value !== "")?.[1];
}

/** A number that may be written as text. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
