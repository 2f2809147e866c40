// Has a Kodi run an add-on's address that calls back: by one way, by the other when nobody calls; which worked is remembered.
import type { Clock } from "../../../core/plugin.ts";
import { type CallbackOptions, openCallback, refused } from "../callback.ts";
import { setPort } from "../port.ts";
import { sentenceOf } from "../summary.ts";

/** How a Kodi is told to run an address. */
export interface Way {
  readonly name: string;
  /** True when `run()` lasts as long as the add-on runs: nobody calls once it has ended. */
  readonly waits: boolean;
  /** What it throws means nothing when the add-on has called. */
  run(address: string, signal: AbortSignal): Promise<void>;
}

export interface TriggerOptions extends CallbackOptions {
  readonly ways: readonly Way[];
  /** True when the Kodi is on another machine, and the config does not say how its add-ons reach this one. */
  readonly far: boolean;
  /** The way that worked last; read and set. */
  readonly memory: { worked: string | undefined };
}

/** Milliseconds after which the next way is tried; a small machine takes some seconds to start Python. */
const patience = 8000;
/** Milliseconds for a call to be noticed whose add-on has ended. */
const grace = 500;

/** Asks an add-on, and gives what it sends. @throws HeadendError `fetch.*`; with what the ways said where none was taken */
export async function* askAddOn(address: string, o: TriggerOptions): AsyncGenerator<Uint8Array> {
  const { ways, memory, clock, what } = o;
  const hopeless = new AbortController();
  const signal = AbortSignal.any([o.signal, hopeless.signal]);
  const nobody = o.far
    ? "; add-ons call back to the machine that their Kodi is on, so say in the config how they reach this one: kodi.port"
    : "";
  const callback = await openCallback({ ...o, signal, nobody });
  const target = setPort(address, callback.port);
  const stop = new AbortController();
  const running = AbortSignal.any([signal, stop.signal]);

  const tryAll = async () => {
    const complaints: string[] = [];
    const ordered = [...ways].sort((a, b) => Number(b.name === memory.worked) - Number(a.name === memory.worked));
    for (const way of ordered) {
      const over = Promise.withResolvers<void>();
      way.run(target, running).then(
        () => way.waits && over.resolve(),
        (error: unknown) => {
          if (!running.aborted) complaints.push(`${way.name}: ${sentenceOf(error)}`);
          over.resolve();
        },
      );
      const ended = over.promise.then(() => clock.sleep(grace, running)).then(() => "ended");
      const called = callback.called.then(() => "called");
      const first = await Promise.race([called, ended, wait(clock, patience, running)]);
      if (running.aborted) return;
      if (first === "called") {
        memory.worked = way.name;
        return;
      }
    }
    // Nothing is left that could make it call.
    if (complaints.length === ways.length)
      hopeless.abort(refused(what, `Kodi does not run it: ${complaints.join("; ")}`));
  };

  const trying = tryAll().catch(() => {});
  try {
    yield* callback.chunks();
    await trying;
  } finally {
    stop.abort();
    callback.close();
  }
}

async function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<string> {
  await clock.sleep(ms, signal).catch(() => {});
  return "late";
}
