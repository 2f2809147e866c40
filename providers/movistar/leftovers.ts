// Sessions that are open, kept on disk: those of a process that was killed are torn down by the next one.
import type { Clock, Logger } from "../../core/plugin.ts";
import { openSession } from "../../core/transport/rtsp.ts";

/** A session of the archive. */
export interface OpenSession {
  readonly url: string;
  /** What the server calls it. */
  readonly session: string;
}

export interface Leftovers {
  /** Remembers a session until what is given is called. */
  add(session: OpenSession): () => void;
  /** Tears down what another process left; what the server has forgotten by now is none. */
  clear(signal: AbortSignal): Promise<void>;
  /** Resolves when what was said so far is kept. */
  settled(): Promise<unknown>;
}

export interface LeftoverOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** As it was kept. */
  readonly kept: string | undefined;
  /** Keeps it; called one at a time. */
  keep(text: string): Promise<unknown>;
}

/** Milliseconds for an answer to TEARDOWN. */
const answerLimit = 2000;

export function createLeftovers({ clock, log, kept, keep }: LeftoverOptions): Leftovers {
  const before = readKept(kept);
  const open = new Set<OpenSession>();
  let writing: Promise<unknown> = Promise.resolve();
  const write = () => {
    // By the time it is written there may be more.
    writing = writing.then(() => keep(JSON.stringify([...open]))).catch(() => {});
  };

  return {
    settled: () => writing,
    add(session) {
      open.add(session);
      write();
      return () => {
        if (open.delete(session)) write();
      };
    },
    async clear(signal) {
      if (before.length === 0) return;
      const one = async ({ url, session }: OpenSession) => {
        const connection = await openSession(url, { clock, log, signal, describe: false, limit: answerLimit });
        try {
          await connection.request("TEARDOWN", { "User-Agent": "MICA-IP-STB", Session: session });
        } finally {
          await connection.close();
        }
      };
      const results = await Promise.allSettled(before.splice(0).map(one));
      signal.throwIfAborted();
      const torn = results.filter(({ status }) => status === "fulfilled").length;
      if (results.length > 0)
        log.info(`${torn} of ${results.length} sessions that a killed process left were torn down`);
      write();
    },
  };
}

function readKept(text: string | undefined): OpenSession[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(value)) return [];
    return value.filter((each) => /^rtsp:\/\//i.test(String(each?.url)) && typeof each?.session === "string");
  } catch {
    return [];
  }
}
