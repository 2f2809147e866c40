// Shows long work on a terminal: one line that is written over; elsewhere nothing, for there the log speaks.
import type { MergeProgress } from "./guide/types.ts";
import type { Clock } from "./plugin.ts";

/** A stream that may be a terminal. */
export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Progress {
  merge(progress: MergeProgress): void;
  /** Writes another line above this one, such as one of the log. */
  write(line: string): void;
  /** Takes the line away. */
  end(): void;
}

export function createProgress(terminal: Terminal, clock: Clock): Progress {
  /** The line that stands there now. */
  let shown = "";
  let started: number | undefined;
  return {
    merge({ source, bytes, programmes }) {
      if (!terminal.isTTY) return;
      started ??= clock.monotonic();
      const seconds = (clock.monotonic() - started) / 1000;
      // What came before the first call was not timed: a rate of the first moments would be of no rate at all.
      const rate = seconds >= 0.2 ? `, ${(bytes / seconds / 1e6).toFixed(0)} MB/s` : "";
      const line = `${source}: ${(bytes / 1e6).toFixed(0)} MB, ${programmes} programmes${rate}`;
      terminal.write(`\r\x1b[K${line}`);
      shown = line;
    },
    write(line) {
      terminal.write(shown ? `\r\x1b[K${line}\n${shown}` : `${line}\n`);
    },
    end() {
      if (shown) terminal.write("\r\x1b[K");
      shown = "";
      started = undefined;
    },
  };
}
