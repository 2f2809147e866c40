// What is known of cameras beyond what streams say: what they send, and what went wrong last.
import { type Clock, HeadendError, type LineupChannel, type StreamHub, type StreamStatus } from "../../core/plugin.ts";
import { createFactsReader, type Facts } from "./facts.ts";

export interface Fault {
  readonly sentence: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Looks {
  /** What a camera sends, once it has been looked at; begins to look when it runs and is not known. */
  facts(channel: LineupChannel, stream: StreamStatus | undefined): Facts | undefined;
  /** An attempt to open it has ended: well, or by what was thrown. */
  noteOpened(nickname: string, thrown?: unknown): void;
  /** A stream of it says that something is wrong. */
  noteError(nickname: string, sentence: string): void;
  /** Notes what streams of these channels say that is wrong. */
  watch(channels: readonly LineupChannel[]): void;
  fault(nickname: string): Fault | undefined;
  /** True when the last attempt to open it failed. */
  isFailing(nickname: string): boolean;
  forget(nickname: string): void;
}

export interface LooksOptions {
  readonly hub: StreamHub;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Milliseconds that a look takes at most, and after which another is worth taking. */
const lookLimit = 15_000;
const lookAgain = 60_000;

interface Look {
  /** The stream that was looked at, and when, by the monotonic clock. */
  readonly stream: string;
  readonly at: number;
}

export function createLooks(o: LooksOptions): Looks {
  const { clock, hub } = o;
  const looks = new Map<string, Look>();
  const facts = new Map<string, Facts>();
  const faults = new Map<string, Fault>();
  const failing = new Set<string>();

  /** As a tap: it sees what is there for others, and keeps nothing open. */
  async function look(channel: LineupChannel, nickname: string): Promise<void> {
    const enough = new AbortController();
    const signal = AbortSignal.any([o.signal, enough.signal]);
    clock.sleep(lookLimit, signal).then(
      () => enough.abort(),
      () => {},
    );
    try {
      const { body } = await hub.watch({ channel }, { name: "a look at what it sends", priority: "tap" }, signal);
      const found = await readFacts(body);
      if (found) facts.set(nickname, found);
    } catch {
      // Whoever watches hears what is wrong.
    } finally {
      enough.abort();
    }
  }

  return {
    facts(channel, stream) {
      const nickname = channel.ownId ?? "";
      const last = looks.get(nickname);
      const now = clock.monotonic();
      const known = last && last.stream === stream?.id && now - last.at < lookAgain;
      if (stream?.state === "running" && !known) {
        looks.set(nickname, { stream: stream.id, at: now });
        void look(channel, nickname);
      }
      return facts.get(nickname);
    },
    noteOpened(nickname, thrown) {
      if (thrown === undefined) return void failing.delete(nickname);
      failing.add(nickname);
      // What is no error of the house may say anything.
      const sentence = thrown instanceof HeadendError ? thrown.message : "it could not be opened; the log says why";
      this.noteError(nickname, sentence);
    },
    noteError(nickname, sentence) {
      if (faults.get(nickname)?.sentence === sentence && failing.has(nickname)) return;
      faults.set(nickname, { sentence, at: new Date(clock.now()).toISOString() });
    },
    watch(channels) {
      for (const { channel, error } of hub.streams()) {
        const { ownId } = (error !== undefined && channels.find(({ id }) => id === channel)) || {};
        if (error !== undefined && ownId !== undefined) this.noteError(ownId, error);
      }
    },
    fault: (nickname) => faults.get(nickname),
    isFailing: (nickname) => failing.has(nickname),
    forget(nickname) {
      for (const known of [looks, facts, faults]) known.delete(nickname);
      failing.delete(nickname);
    },
  };
}

/** Reads until there is nothing more to be learnt, and leaves. */
export async function readFacts(body: ReadableStream<Uint8Array>): Promise<Facts | undefined> {
  const reader = body.getReader();
  const learnt = createFactsReader();
  try {
    while (!learnt.whole) {
      const { done, value } = await reader.read();
      if (done) break;
      learnt.write(value);
    }
    return learnt.facts;
  } finally {
    await reader.cancel().catch(() => {});
  }
}
