// Reads one upstream into a stream's intake until it ends, fails or is not wanted, at the viewers' pace where it can wait.

import { createPacer } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import type { Clock } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { Audience } from "./audience.ts";
import { within } from "./deferred.ts";
import type { Intake } from "./intake.ts";
import type { Sizes } from "./sizes.ts";
import { closeLimit, type HlsSession, type Opened } from "./upstream.ts";

export interface ReadingOptions {
  readonly clock: Clock;
  /** The channel's name. */
  readonly channel: string;
  readonly intake: Intake;
  readonly audience: Audience;
  readonly sizes: Sizes;
  /** Aborted when the stream ends. */
  readonly signal: AbortSignal;
  /** What upstream is has become known. */
  opened(kind: "ts" | "hls"): void;
}

export interface Reading {
  /** Makes use of an upstream until it is over. @returns why, or undefined at its end */
  use(upstream: Opened): Promise<unknown>;
  /** Makes `use()` give up, if it waits for upstream. */
  interrupt(reason: unknown): void;
  /** A viewer has come, gone, or wants more. */
  wake(): void;
  /** The session of an HLS upstream, for those who want its playlists. */
  readonly session: HlsSession | undefined;
  /** True while upstream is waited for, and not a viewer. */
  readonly waits: boolean;
}

/** An HLS upstream whose playlists have failed for so many milliseconds is given up; one that is frozen has been that for long. */
const relayLimit = 10_000;

export function createReading(o: ReadingOptions): Reading {
  const { clock, intake, audience, signal, sizes } = o;
  let session: HlsSession | undefined;
  let stop: ((reason: unknown) => void) | undefined;
  let wake: (() => void) | undefined;
  let waits = false;
  /** So much is taken between two turns of the event loop, in which viewers get theirs. */
  const turnBytes = sizes.kept / 4;
  const pacer = createPacer();
  let sinceTurn = 0;

  /** Awaits, but gives up when told to: nothing stays attached to what never settles. */
  function interruptible<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      stop = reject;
      if (signal.aborted) reject(signal.reason);
      promise.then(resolve, reject);
    });
  }

  function change(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
    });
  }

  /** A chunk may be a whole segment, or all that came while we were busy. */
  async function take(chunk: Uint8Array, shown: string, mayWait: () => boolean): Promise<void> {
    for (let at = 0; at < chunk.length; at += turnBytes) {
      const piece = chunk.length <= turnBytes ? chunk : chunk.subarray(at, at + turnBytes);
      intake.take(piece);
      sinceTurn += piece.length;
      if (sinceTurn >= turnBytes) {
        sinceTurn = 0;
        await pacer.rest();
      }
      if (intake.unreadable)
        throw new HeadendError("dial.content", { url: shown, reason: "what comes is no transport stream" });
      // Nobody has a place before there is something to see.
      while (mayWait() && intake.hasBegun && audience.nearest() >= sizes.ahead) {
        waits = false;
        await interruptible(change());
        waits = true;
        intake.touched = clock.monotonic();
      }
    }
  }

  async function pump(
    rest: AsyncIterator<Uint8Array>,
    shown: string,
    patient: boolean,
    wanted: () => boolean,
    first?: Uint8Array,
  ): Promise<unknown> {
    intake.touched = clock.monotonic();
    waits = true;
    const mayWait = () => patient && wanted();
    try {
      if (first) await take(first, shown, mayWait);
      while (wanted()) {
        const { done, value } = await interruptible(rest.next());
        if (done) return undefined;
        await take(value, shown, mayWait);
      }
      return undefined;
    } catch (thrown) {
      return thrown;
    } finally {
      waits = false;
    }
  }

  /** A session whose playlists, when they go on failing, end the stream: whoever asks next gets another upstream. */
  function guard(inner: HlsSession): { readonly session: HlsSession; end(why: unknown): void } {
    let failingSince: number | undefined;
    let over: HeadendError | undefined;
    const overFor = (why: unknown) => {
      const reason = why === undefined ? "upstream ended" : reasonOf(why);
      return new HeadendError("tune.failed", { channel: o.channel, reason });
    };
    const session: HlsSession = {
      ...inner,
      async playlist(name) {
        if (over) throw over;
        try {
          const text = await inner.playlist(name);
          failingSince = undefined;
          return text;
        } catch (thrown) {
          if (over) throw over;
          if (thrown instanceof HeadendError && thrown.code === "not.found") throw thrown;
          const now = clock.monotonic();
          failingSince ??= now;
          const stalled = thrown instanceof HeadendError && thrown.code === "dial.stalled";
          if (!stalled && now - failingSince < relayLimit) throw thrown;
          stop?.(thrown);
          throw overFor(thrown);
        }
      },
      async part(name) {
        if (over) throw over;
        return await inner.part(name);
      },
    };
    return {
      session,
      end(why) {
        over = overFor(why);
      },
    };
  }

  /** Joins an HLS upstream into one stream while somebody wants that; the others take its playlists. */
  async function relay(opening: Promise<HlsSession>, shown: string): Promise<unknown> {
    const joins = () => audience.some("ts");
    const wanted = () => joins() || audience.size === 0;
    let guarded: ReturnType<typeof guard> | undefined;
    let why: unknown;
    try {
      guarded = guard(await interruptible(opening));
      session = guarded.session;
      o.opened("hls");
      for (;;) {
        while (!joins()) await interruptible(change());
        const joining = new AbortController();
        const rest = session.join(intake.cutter.gap, joining.signal)[Symbol.asyncIterator]();
        why = await pump(rest, shown, true, wanted);
        joining.abort(why);
        await within(clock, closeLimit, Promise.resolve(rest.return?.()));
        if (why !== undefined || wanted()) return why;
        // Only playlists are wanted: whoever joins later does not get what is old by then.
        intake.restart();
      }
    } catch (thrown) {
      why = thrown;
      return why;
    } finally {
      session = undefined;
      guarded?.end(why);
      await within(
        clock,
        closeLimit,
        opening.then((ending) => ending.close()),
      );
    }
  }

  return {
    async use({ content, candidate, signal }) {
      intake.splice();
      const { shown } = candidate;
      if (content.kind === "hls") return await relay(candidate.openHls(content.source, signal), shown);
      o.opened("ts");
      return await pump(content.rest, shown, content.patient, () => true, content.first);
    },
    interrupt: (reason) => stop?.(reason),
    wake: () => wake?.(),
    get session() {
      return session;
    },
    get waits() {
      return waits;
    },
  };
}
