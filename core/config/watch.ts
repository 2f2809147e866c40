// Notices that the config file changed, however it was changed: written, replaced by rename, or a link that was moved.
import { createHash } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../plugin.ts";

export interface WatchOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The text that was put there by ourselves since: any other is a change, even the one that was seen before. */
  written?(): string | undefined;
  /** Milliseconds between looks at the file where the system reports nothing (network folders, containers); default 10 s. */
  readonly poll?: number;
  /** Milliseconds without a further event before the file is read; default 200. */
  readonly settle?: number;
}

/**
 * Calls back after the file's content has changed, until the signal aborts. A file that is away, as between two steps of
 * an editor, is waited for. Resolves once changes are noticed; start it before the file is read for the first time.
 */
export async function watchConfig(file: string, onChange: () => void, o: WatchOptions): Promise<void> {
  const { clock, signal, poll = 10_000, settle = 200 } = o;
  let seen = await digest(file);
  let looking = false;
  let again = false;

  async function look(): Promise<void> {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    do {
      again = false;
      const now = await digest(file);
      const own = o.written?.();
      const another = now !== seen || (own !== undefined && now !== digestOf(own));
      if (now !== undefined && another && !signal.aborted) {
        seen = now;
        onChange();
      }
    } while (again);
    looking = false;
  }

  let pending: AbortController | undefined;
  async function lookSoon(): Promise<void> {
    pending?.abort();
    pending = new AbortController();
    try {
      await clock.sleep(settle, AbortSignal.any([signal, pending.signal]));
    } catch {
      return;
    }
    await look();
  }

  async function lookAgainAndAgain(): Promise<void> {
    while (!signal.aborted) {
      try {
        await clock.sleep(poll, signal);
      } catch {
        return;
      }
      await look();
    }
  }

  // The folder, not the file: a watch on a file stays with the old one when an editor replaces it by rename.
  const watcher = openWatcher(dirname(file), () => void lookSoon());
  const close = () => watcher?.close();
  if (signal.aborted) return close();
  signal.addEventListener("abort", close, { once: true });
  void lookAgainAndAgain();
}

/** A watcher, or undefined where the system has none to give: polling goes on without it. */
function openWatcher(folder: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

async function digest(file: string): Promise<string | undefined> {
  try {
    return digestOf(await readFile(file));
  } catch {
    return undefined;
  }
}

function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
