// Opens one upstream of a tune up to its first bytes, within a deadline, and closes it so that it is known to be closed.
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import type { Clock, HlsPart, HlsSource, Source } from "../plugin.ts";
import { alarm, untilAborted, within } from "./deferred.ts";
import type { Want } from "./ledger.ts";

/** An HLS upstream, for one stream alone. */
export interface HlsSession {
  playlist(name: string): Promise<string>;
  part(name: string): Promise<HlsPart | undefined>;
  /** All of it as one transport stream. `gap` is called before the first bytes that do not continue. */
  join(gap: () => void, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** One way to a tune's pictures. */
export interface Candidate {
  /** Names the upstream to the breaker; shown to nobody. */
  readonly key: string;
  /** The instance whose upstream it is. */
  readonly instance: string;
  /** For people, without secrets. */
  readonly shown: string;
  /** What must be granted before it may be opened. */
  wants(rank: number): readonly Want[];
  open(signal: AbortSignal): Promise<Source>;
  openHls(source: HlsSource, signal: AbortSignal): Promise<HlsSession>;
}

/** An upstream that is open. */
export interface Opened {
  readonly candidate: Candidate;
  readonly how: string;
  readonly content: { readonly kind: "hls"; readonly source: HlsSource } | Flow;
  /** Aborted when upstream is to be closed. */
  readonly signal: AbortSignal;
  /** Closes upstream; resolves when it is closed, or after `closeLimit` when it will not. True: it is closed. */
  close(reason: unknown): Promise<boolean>;
}

/** A transport stream whose first bytes have come. */
export interface Flow {
  readonly kind: "ts";
  readonly first: Uint8Array;
  readonly rest: AsyncIterator<Uint8Array>;
  readonly patient: boolean;
}

/** Milliseconds for an upstream to answer with first bytes. */
export const openLimit = 10_000;
/** Milliseconds for an upstream to close after it was told to; then it is left behind. */
export const closeLimit = 10_000;

/** @throws HeadendError of the opener, `dial.timeout`, `dial.ended`, or the signal's reason */
export async function openCandidate(candidate: Candidate, clock: Clock, signal: AbortSignal): Promise<Opened> {
  const control = new AbortController();
  const onAbort = () => control.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const late = new HeadendError("dial.timeout", { url: candidate.shown, limit: formatDuration(openLimit) });
  const timer = alarm(clock, openLimit, () => control.abort(late));
  let iterator: AsyncIterator<Uint8Array> | undefined;
  let started = false;
  let pending: Promise<unknown> = Promise.resolve();

  async function next(): Promise<IteratorResult<Uint8Array>> {
    started = true;
    const reading = iterator?.next() ?? Promise.resolve({ done: true as const, value: undefined });
    pending = reading.catch(() => {});
    return await untilAborted(reading, control.signal);
  }

  async function shut(): Promise<void> {
    await pending;
    // A generator that has not begun would skip its `finally`; it begins with a signal that has been aborted.
    if (!started) iterator?.next().catch(() => {});
    await iterator?.return?.();
  }

  async function close(reason: unknown): Promise<boolean> {
    signal.removeEventListener("abort", onAbort);
    control.abort(reason);
    return await within(clock, closeLimit, shut());
  }

  try {
    control.signal.throwIfAborted();
    const opening = candidate.open(control.signal);
    pending = opening.then(
      (source) => {
        if (source.kind === "ts") iterator = source.chunks[Symbol.asyncIterator]();
      },
      () => {},
    );
    const source = await untilAborted(opening, control.signal);
    const base = { candidate, signal: control.signal, close };
    if (source.kind === "hls") return { ...base, how: "hls", content: { kind: "hls", source } };
    await pending;
    let first = await next();
    while (!first.done && first.value.length === 0) first = await next();
    if (first.done || !iterator) throw new HeadendError("dial.ended", { url: candidate.shown });
    const content: Flow = { kind: "ts", first: first.value, rest: iterator, patient: source.patient ?? false };
    return { ...base, how: source.how ?? "ts", content };
  } catch (error) {
    await close(error);
    throw error;
  } finally {
    timer.abort();
  }
}
