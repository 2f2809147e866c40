// Which channels are encrypted: told by the bits of their packets that say so, and remembered.
import { formatDuration } from "../../core/formats/duration.ts";
import { packetLength, payloadAt, pidOf } from "../../core/formats/mpegts.ts";
import { type Clock, HeadendError, type LineupChannel, type Logger, type StreamHub } from "../../core/plugin.ts";

/** Looks at a stream until it is clear whether it is encrypted. */
export interface ScramblingProbe {
  /** Takes bytes that begin with a packet. True when they are encrypted, false when not; undefined: not clear yet. */
  push(bytes: Uint8Array): boolean | undefined;
}

const nullPid = 0x1fff;
/** Packets of one stream that must agree: the video has most. */
const enough = 100;
const videoShare = 0.3;

/**
 * The video of an encrypted channel has its transport_scrambling_control set (ISO/IEC 13818-1 §2.4.3.2), its sound
 * often not: the stream with the most packets decides.
 */
export function createScramblingProbe(): ScramblingProbe {
  const counts = new Map<number, { all: number; scrambled: number }>();
  let packets = 0;
  return {
    push(bytes) {
      for (let at = 0; at + packetLength <= bytes.length; at += packetLength) {
        const pid = pidOf(bytes, at);
        if (bytes[at] !== 0x47 || pid === nullPid || payloadAt(bytes, at) === undefined) continue;
        const count = counts.get(pid) ?? { all: 0, scrambled: 0 };
        counts.set(pid, count);
        packets++;
        count.all++;
        if (((bytes[at + 3] ?? 0) & 0x80) !== 0) count.scrambled++;
        if (count.all >= enough && count.all >= packets * videoShare) return count.scrambled > count.all / 2;
      }
      return undefined;
    },
  };
}

/** What is known of each channel, by its id. */
export interface Scrambling {
  /** Undefined: nobody has looked yet. */
  isEncrypted(id: string): boolean | undefined;
  /** What was seen is seen anew. */
  forget(): void;
  /** How many were seen to be encrypted. */
  readonly encrypted: number;
  /** Passes a channel's live stream on, and looks at its beginning. */
  watch(id: string, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/**
 * @param known as it was kept; unknown values are left out
 * @param changed called with all that is known when that has changed
 */
export function createScrambling(known: string | undefined, changed: (text: string) => void): Scrambling {
  const encrypted = new Map<string, boolean>(readKnown(known));
  return {
    isEncrypted: (id) => encrypted.get(id),
    forget() {
      encrypted.clear();
      changed("{}");
    },
    get encrypted() {
      return [...encrypted.values()].filter(Boolean).length;
    },
    watch(id, chunks) {
      const iterator = chunks[Symbol.asyncIterator]();
      let probe: ScramblingProbe | undefined = createScramblingProbe();
      return {
        [Symbol.asyncIterator]: () => ({
          async next() {
            const result = await iterator.next();
            const found = result.done ? undefined : probe?.push(result.value);
            if (found === undefined) return result;
            probe = undefined;
            if (encrypted.get(id) !== found) {
              encrypted.set(id, found);
              changed(JSON.stringify(Object.fromEntries(encrypted)));
            }
            return result;
          },
          return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
        }),
      };
    },
  };
}

/** Milliseconds for which a channel is looked at. */
const lookLimit = 8000;

export interface LookOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hub: StreamHub;
  readonly channels: readonly LineupChannel[];
  readonly scrambling: Scrambling;
}

/** Watches each channel of which it is not known for a moment, one after the other, giving way to every viewer. */
export async function lookForEncrypted(o: LookOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, hub, scrambling } = o;
  for (const channel of o.channels) {
    const id = channel.ownId ?? "";
    if (scrambling.isEncrypted(id) !== undefined) continue;
    const done = new AbortController();
    const enough = AbortSignal.any([signal, done.signal]);
    const late = new HeadendError("tune.late", { channel: channel.name, limit: formatDuration(lookLimit) });
    clock.sleep(lookLimit, enough).then(
      () => done.abort(late),
      () => {},
    );
    try {
      const viewer = { name: "encrypted or not", priority: "probe" } as const;
      const reader = (await hub.watch({ channel }, viewer, enough)).body.getReader();
      while (scrambling.isEncrypted(id) === undefined && !enough.aborted) if ((await reader.read()).done) break;
      await reader.cancel();
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      log.debug(`${channel.name}: whether it is encrypted could not be seen: ${reason}`);
    } finally {
      done.abort();
    }
  }
}

function readKnown(text: string | undefined): [string, boolean][] {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return Object.entries(value ?? {}).filter((entry): entry is [string, boolean] => typeof entry[1] === "boolean");
  } catch {
    return [];
  }
}
