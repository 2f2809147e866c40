// In which order channels give their guide: each as soon as it is known, the first ones with details of their programmes.

export interface GiveOptions<T> {
  /** The channels, in the order in which details of their programmes are asked for. */
  readonly ids: readonly string[];
  /** Services whose schedule is there; those that are left are there at its end. */
  readonly services: AsyncIterable<number>;
  /** Whatever else comes, a channel has the guide of this service. */
  isGuideOf(service: number, id: string): boolean;
  /** Asks for details; does not fail. */
  ask(): Promise<unknown>;
  /** What a channel has. */
  of(id: string): Iterable<T>;
  readonly signal: AbortSignal;
}

/** Channels that wait for details. */
const firstOnes = 60;

/** What all channels have, each once. @throws what `services` throws */
export async function* giveByChannel<T>({
  ids,
  services,
  isGuideOf,
  ask,
  of,
  signal,
}: GiveOptions<T>): AsyncGenerator<T> {
  const first = new Set(ids.slice(0, firstOnes));
  const others = new Set(ids.slice(firstOnes));
  const unknown = new Set(first);
  let isAnswered = false;
  let asking: Promise<unknown> | undefined;
  const asked = () => {
    asking ??= ask().then(() => {
      isAnswered = true;
    });
    return asking;
  };
  function* take(from: Set<string>, some: Iterable<string> = from): Generator<T> {
    for (const id of some) if (from.delete(id)) yield* of(id);
  }

  for await (const service of services) {
    signal.throwIfAborted();
    const whole = ids.filter((id) => isGuideOf(service, id));
    yield* take(others, whole);
    for (const id of whole) unknown.delete(id);
    // The rest of the schedule is still on its way.
    if (unknown.size === 0) void asked();
    if (isAnswered) yield* take(first);
  }
  signal.throwIfAborted();
  const answered = asked();
  yield* take(others);
  await answered;
  yield* take(first);
}
