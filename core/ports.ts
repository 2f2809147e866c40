// The ports of its own that an instance has: opened after its setup, tried again while they cannot be, closed at its end.
import { HeadendError } from "./errors.ts";
import { formatDuration } from "./formats/duration.ts";
import type { Clock, Listener, Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";
import { backoff, jitter } from "./schedule.ts";

/** A port that is open. */
export interface OpenPort {
  /** The address that it listens on. */
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

export interface Ports {
  /** What keeps ports closed that are needed, for people; undefined: nothing. */
  readonly fault: string | undefined;
  /** Opens all; resolves when each has been tried once. */
  open(listeners: readonly Listener[]): Promise<void>;
  /** Resolves when nothing listens any more. */
  close(): Promise<void>;
}

/** The longest pause between two tries, in milliseconds: another program may have gone meanwhile. */
const longest = 120_000;

export function createPorts(o: {
  readonly clock: Clock;
  readonly log: Logger;
  /** @throws HeadendError `server.listen`; what the listener's `routes()` throws */
  readonly listen: (listener: Listener) => Promise<OpenPort>;
}): Ports {
  const controller = new AbortController();
  const { signal } = controller;
  const faults = new Map<Listener, string>();
  const running: Promise<void>[] = [];

  /** Holds a port open until the end. `tried` is called after the first try. */
  async function hold(listener: Listener, tried: () => void): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const opened = await o.listen(listener);
        faults.delete(listener);
        try {
          if (!signal.aborted) listener.opened?.(opened.port, opened.host);
          tried();
          await aborted(signal);
        } finally {
          await opened.stop();
        }
        return;
      } catch (error) {
        const reason = reasonOf(error);
        const again = jitter(backoff(++failures, longest));
        if (failures === 1) o.log[listener.optional ? "info" : "warn"](reason, { again: formatDuration(again) });
        if (!listener.optional) faults.set(listener, reason);
        tried();
        await o.clock.sleep(again, signal).catch(() => {});
      }
    }
  }

  return {
    get fault() {
      return faults.size === 0 ? undefined : [...faults.values()].join("; ");
    },
    async open(listeners) {
      await Promise.all(
        listeners.map((listener) => new Promise<void>((tried) => running.push(hold(listener, tried).finally(tried)))),
      );
    },
    async close() {
      controller.abort();
      await Promise.all(running);
    },
  };
}

/**
 * Opens ports of all instances, and knows whose they are: of one that is taken it says whether another instance or the
 * server itself has it, which is mended in the config.
 *
 * @throws HeadendError `server.listen`
 */
export function createPortBook(o: {
  /** The server's own port. */
  readonly server: () => number;
  readonly listen: (instance: string, listener: Listener) => Promise<OpenPort>;
}): (instance: string, listener: Listener) => Promise<OpenPort> {
  const holders = new Map<number, string>();
  const holderOf = (port: number) => holders.get(port) ?? (port === o.server() ? "the server itself" : undefined);

  return async (instance, listener) => {
    try {
      const opened = await o.listen(instance, listener);
      const { host, port } = opened;
      holders.set(port, `the instance ${instance}`);
      const stop = async () => {
        holders.delete(port);
        await opened.stop();
      };
      return { host, port, stop };
    } catch (error) {
      const holder = holderOf(listener.port);
      if (holder === undefined || !(error instanceof HeadendError) || error.code !== "server.listen") throw error;
      const reason = `${holder} has this port; give one of them another`;
      throw new HeadendError("server.listen", { address: `port ${listener.port}`, reason }, error);
    }
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
