// The tuners of a device: one a viewer, as many as it promises; who changes channel on a full device hands its own on.
import { type Clock, HeadendError, type LineupChannel, type TransportWatch } from "../../core/plugin.ts";

export interface TunersOptions {
  readonly count: number;
  /** The device, for people. */
  readonly name: string;
  readonly clock: Clock;
  /** All viewers are let go when it aborts. */
  readonly signal: AbortSignal;
}

/** A tuner that somebody has. */
export interface Seat {
  readonly channel: LineupChannel;
  /** Aborted when it is to be given up. */
  readonly signal: AbortSignal;
  end(): void;
  /** Gives it back; more than once is once. */
  leave(): void;
}

export interface Tuners {
  readonly count: number;
  /**
   * Takes the first that is free, or the one that is wanted. On a full device a client that has one already gets another
   * in its place: players open the next channel before they close the last. A probe takes what is free, and gives it
   * up as soon as somebody wants it.
   * @throws HeadendError `tune.busy`, `tune.taken`, `tune.unknown` when there is no such tuner
   */
  take(client: string, channel: LineupChannel, wanted?: number, probes?: boolean): Seat;
  /** What a tuner shows; undefined: it is free. */
  at(tuner: number): LineupChannel | undefined;
}

interface Taken extends Seat {
  readonly client: string;
  readonly probes: boolean;
}

/** How long a client has to close the channel before itself, in milliseconds; then the latest of its own is closed. */
const overlap = 2000;

export function createTuners({ count, name, clock, signal }: TunersOptions): Tuners {
  const slots: (Taken | undefined)[] = Array.from({ length: count }, () => undefined);
  /** Handed on, and not closed yet: each goes back into a tuner that comes free before its time is up. */
  const handed = new Map<Taken, AbortController>();
  /** Later ones are further back. */
  const order: Taken[] = [];

  function settle(): void {
    for (const [seat, timer] of handed) {
      const free = slots.indexOf(undefined);
      if (free < 0) return;
      slots[free] = seat;
      handed.delete(seat);
      timer.abort();
    }
  }

  function remove(seat: Taken): void {
    const place = order.indexOf(seat);
    if (place < 0) return;
    order.splice(place, 1);
    handed.get(seat)?.abort();
    handed.delete(seat);
    const slot = slots.indexOf(seat);
    if (slot >= 0) slots[slot] = undefined;
    settle();
  }

  function handOn(seat: Taken): void {
    // One at a time: who opens many at once has had its chance to close them.
    for (const other of [...handed.keys()]) if (other.client === seat.client) other.end();
    slots[slots.indexOf(seat)] = undefined;
    const timer = new AbortController();
    handed.set(seat, timer);
    clock.sleep(overlap, timer.signal).then(
      () => seat.end(),
      () => {},
    );
  }

  /** Makes room, and says where. */
  function placeFor(client: string, wanted: number | undefined, probes: boolean): number {
    const giving = order.find((seat) => seat.probes && (wanted === undefined || slots[wanted] === seat));
    if (giving && !probes && !slots.some((seat, at) => !seat && (wanted === undefined || at === wanted))) giving.end();
    if (wanted !== undefined) {
      if (wanted >= count) throw new HeadendError("tune.unknown", { channel: `tuner${wanted} of ${name}` });
      const holder = slots[wanted];
      if (holder && holder.client !== client) throw new HeadendError("tune.taken", { instance: name, tuner: wanted });
      if (holder) handOn(holder);
      return wanted;
    }
    const free = slots.indexOf(undefined);
    if (free >= 0) return free;
    if (probes) throw new HeadendError("tune.busy", { instance: name, limit: count });
    const own = order.findLast((seat) => seat.client === client && !handed.has(seat));
    if (!own) throw new HeadendError("tune.busy", { instance: name, limit: count });
    const place = slots.indexOf(own);
    handOn(own);
    return place;
  }

  const endAll = () => {
    for (const seat of [...order]) seat.end();
  };
  signal.addEventListener("abort", endAll, { once: true });

  return {
    count,
    take(client, channel, wanted, probes = false) {
      signal.throwIfAborted();
      const place = placeFor(client, wanted, probes);
      const control = new AbortController();
      const seat: Taken = {
        client,
        probes,
        channel,
        signal: control.signal,
        end() {
          control.abort(new HeadendError("tune.stopped", { channel: channel.name, who: "a change of channel" }));
          remove(seat);
        },
        leave: () => remove(seat),
      };
      slots[place] = seat;
      order.push(seat);
      // One that was to make room for exactly this may find another free.
      settle();
      return seat;
    },
    at: (tuner) => slots[tuner]?.channel,
  };
}

/** What a client gets: the watch until the seat is given up or the time is over; the seat is left when it is over. */
export function occupy(
  watch: TransportWatch,
  seat: Seat,
  clock: Clock,
  duration: number | undefined,
): ReadableStream<Uint8Array> {
  const reader = watch.body.getReader();
  const over = new AbortController();
  const leave = () => {
    seat.signal.removeEventListener("abort", end);
    over.abort();
    seat.leave();
  };
  const end = () => {
    leave();
    reader.cancel().catch(() => {});
  };
  if (seat.signal.aborted) end();
  else seat.signal.addEventListener("abort", end, { once: true });
  if (duration !== undefined) clock.sleep(duration, over.signal).then(end, () => {});
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          leave();
          controller.close();
        } catch (error) {
          leave();
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
