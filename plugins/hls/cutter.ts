// Cuts a live transport stream in the way that is asked for; where that cannot be, into segments of a transport stream.
import type { Clock } from "../../core/plugin.ts";
import { createFragmenter, type Fragmenter } from "./fragmenter.ts";
import { createSegmenter, type Moment, type Segmenter } from "./segmenter.ts";
import type { Window } from "./window.ts";

/** Segments of a transport stream; of fragmented MP4; of that in parts, for low latency. */
export type Mode = "ts" | "fmp4" | "ll";

export interface CutterOptions {
  readonly mode: Mode;
  /** Milliseconds that a part is meant to have. */
  readonly part: number;
  readonly mostBytes: number;
  readonly clock: Clock;
  readonly window: Window;
  mayCut(moment: Moment): boolean;
  /** What is asked for cannot be. */
  unfit(reason: string): void;
}

export interface Cutter {
  /** Takes whole packets, by reference. False: this stream cannot go on as it began. */
  write(packets: Uint8Array): boolean;
  finish(): void;
}

export function createCutter(o: CutterOptions): Cutter {
  const { clock, window, mode, mayCut, mostBytes } = o;
  let segmenter: Segmenter | undefined;
  let fragmenter: Fragmenter | undefined;
  /** All that came before the first piece, while it is not sure that there will be one. */
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let given = false;
  if (mode === "ts") segmenter = createSegmenter({ mayCut, mostBytes });
  else fragmenter = createFragmenter({ mayCut, mostBytes, ...(mode === "ll" ? { part: o.part } : {}) });

  function cut(by: Segmenter, packets: Uint8Array): void {
    for (const segment of by.write(packets)) window.add(segment, clock.now());
  }

  function hold(packets: Uint8Array): void {
    held.push(packets);
    heldBytes += packets.length;
    if (!given && heldBytes <= mostBytes) return;
    held = [];
    heldBytes = 0;
  }

  function fallBack(reason: string): Segmenter {
    o.unfit(reason);
    fragmenter = undefined;
    const by = createSegmenter({ mayCut, mostBytes });
    for (const packets of held) cut(by, packets);
    held = [];
    return by;
  }

  return {
    write(packets) {
      if (segmenter) cut(segmenter, packets);
      if (!fragmenter) return true;
      for (const piece of fragmenter.write(packets)) {
        given = true;
        window.take(piece, clock.now());
      }
      hold(packets);
      const { unfit } = fragmenter;
      if (unfit === undefined) return true;
      if (given) return false;
      segmenter = fallBack(unfit);
      return true;
    },
    finish() {
      const last = segmenter?.finish();
      if (last) window.add(last, clock.now());
      for (const piece of fragmenter?.finish() ?? []) window.take(piece, clock.now());
    },
  };
}
