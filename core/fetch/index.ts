// Everything an instance gets from the network by HTTP: answers, and documents that are kept.
import { HeadendError } from "../errors.ts";
import type { Clock, DocumentOptions, Fetch, FetchOptions, Logger } from "../plugin.ts";
import type { Document } from "../types.ts";
import { createClient } from "./client.ts";
import { createDocuments } from "./document.ts";
import type { OriginLimiter } from "./origins.ts";
import { createDocumentStore } from "./store.ts";

export { createOriginLimiter, type OriginLimiter } from "./origins.ts";

export interface FetchSetup {
  /** The instance. */
  readonly name: string;
  /** Where its documents lie. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The folder against which plain paths of the config are resolved. */
  readonly base: string;
  /** Aborted when the instance stops. */
  readonly signal: AbortSignal;
  readonly userAgent: string;
  readonly limiter: OriginLimiter;
}

/** What core has beyond what a plugin sees. */
export interface InstanceFetch extends Fetch {
  /** Forgets every document. */
  clean(): Promise<void>;
}

/** A document on its way, and how many wait for it. */
interface Flight {
  readonly landing: Promise<Document>;
  readonly control: AbortController;
  waiting: number;
}

/** Makes one attempt per call: when to try again is for its caller to say. */
export function createFetch(setup: FetchSetup): InstanceFetch {
  const { name, folder, clock, log, base, signal: life, userAgent, limiter } = setup;
  const send = createClient({ clock, userAgent, limiter });
  const store = createDocumentStore(folder, log);
  const documents = createDocuments(send, store, base);
  const flights = new Map<string, Flight>();
  const stop = new AbortController();
  const onStop = () => stop.abort(new HeadendError("instance.stopped", { instance: name }));
  life.addEventListener("abort", onStop, { once: true });
  if (life.aborted) onStop();

  const get: Fetch["document"] = async (url, options = {}) => {
    options.signal?.throwIfAborted();
    // One request serves all who want the same at the same time; a file that one may have is not for the others.
    const key = `${options.local ?? false} ${url} ${JSON.stringify(options.headers ?? {})}`;
    const flight = flights.get(key) ?? depart(key, url, options);
    flight.waiting++;
    try {
      return await abortable(flight.landing, options.signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) {
        if (flights.get(key) === flight) flights.delete(key);
        flight.control.abort(new DOMException("nobody waits for this document any more", "AbortError"));
      }
    }
  };

  const depart = (key: string, url: string, options: DocumentOptions): Flight => {
    const control = new AbortController();
    const onStop = () => control.abort(stop.signal.reason);
    stop.signal.addEventListener("abort", onStop, { once: true });
    if (stop.signal.aborted) onStop();
    const landing = documents
      .document(url, options, control.signal)
      .finally(() => stop.signal.removeEventListener("abort", onStop));
    const flight = { landing, control, waiting: 0 };
    flights.set(key, flight);
    return flight;
  };

  const plain = async (url: string, { signal, ...options }: FetchOptions = {}): Promise<Response> => {
    if (!signal) return send(url, { ...options, signal: stop.signal });
    const life = joinSignals([stop.signal, signal]);
    const end = life.begin();
    return send(url, { ...options, ...life }).finally(end);
  };

  return Object.assign(plain, { document: get, lastGood: documents.lastGood, clean: store.clean });
}

/** Stops waiting, not what is waited for. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * A signal that aborts with the first of several, for as long as something that has begun has not ended. Unlike
 * `AbortSignal.any()` it leaves nothing behind on signals that live long, on any runtime.
 */
function joinSignals(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; begin(): () => void } {
  const control = new AbortController();
  let begun = 0;
  const listeners = signals.map((signal) => () => control.abort(signal.reason));
  for (const [at, signal] of signals.entries()) {
    signal.addEventListener("abort", listeners[at] as () => void, { once: true });
    if (signal.aborted) control.abort(signal.reason);
  }
  return {
    signal: control.signal,
    begin() {
      begun++;
      return () => {
        if (--begun > 0) return;
        for (const [at, signal] of signals.entries()) signal.removeEventListener("abort", listeners[at] as () => void);
      };
    },
  };
}
