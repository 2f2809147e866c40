// Receives a carousel from its group until all of it has come.
import { formatDuration } from "../../core/formats/duration.ts";
import { type Clock, HeadendError, type Logger } from "../../core/plugin.ts";
import { openDatagramSocket } from "../../core/transport/udp/socket.ts";
import { type Carousel, createCarousel } from "./carousel.ts";
import type { GroupAddress } from "./discovery.ts";
import type { DvbstpSegment } from "./dvbstp.ts";

export interface ReceiveOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly interface?: string | undefined;
  /** `<payload> <segment>` of what must come; absent: all that is sent. */
  readonly wanted?: Iterable<string>;
  /** Some of what must come may not be sent at all. */
  readonly mayLack?: boolean;
  /** Given each segment once it is whole. */
  readonly each?: (segment: DvbstpSegment) => void;
  /** Told at the end what came. */
  readonly counted?: (counts: Carousel["counts"]) => void;
  /** Milliseconds after which what has come is enough, if anything has. */
  readonly limit: number;
}

/** Milliseconds of silence after which nothing is expected any more. */
const silenceLimit = 10_000;

/**
 * @returns segments by `<payload> <segment>`; not all of them when the limit was passed
 * @throws HeadendError `dial.*` when nothing came
 */
export async function receiveCarousel(
  { address, port }: GroupAddress,
  o: ReceiveOptions,
): Promise<ReadonlyMap<string, DvbstpSegment>> {
  const { clock, log, signal, limit } = o;
  const url = `udp://${address}:${port}`;
  const refuse = (error: unknown) =>
    new HeadendError("dial.refused", { url, reason: error instanceof Error ? error.message : String(error) }, error);
  const carousel = createCarousel({
    ...(o.wanted ? { wanted: o.wanted } : {}),
    ...(o.mayLack ? { mayLack: true } : {}),
  });
  const whole = Promise.withResolvers<void>();
  const begun = clock.monotonic();
  let last = begun;
  if (carousel.done) return carousel.segments;
  signal.throwIfAborted();
  const socket = await openDatagramSocket({
    ...{ host: address, port, clock, log },
    ...(o.interface === undefined ? {} : { interface: o.interface }),
    onDatagram(bytes) {
      last = clock.monotonic();
      const segment = carousel.push(bytes);
      if (segment) o.each?.(segment);
      if (carousel.done) whole.resolve();
    },
    onError: (error) => whole.reject(refuse(error)),
  }).catch((error: unknown) => {
    throw refuse(error);
  });
  const over = new AbortController();
  const waiting = AbortSignal.any([signal, over.signal]);
  /** Ends when what has come must do; rejects when that is nothing. */
  const patience = async () => {
    for (;;) {
      const left = Math.min(last + silenceLimit, begun + limit) - clock.monotonic();
      if (left > 0) {
        await clock.sleep(left, waiting);
        continue;
      }
      if (carousel.segments.size > 0) return;
      if (last === begun) {
        const waited = formatDuration(Math.min(silenceLimit, limit));
        throw new HeadendError("dial.timeout", { url, limit: waited });
      }
      const { foreign, broken } = carousel.counts;
      const what = broken > 0 ? `${broken} segments came damaged` : `${foreign} datagrams were none of DVBSTP`;
      throw new HeadendError("dial.content", { url, reason: `nothing whole came: ${what}` });
    }
  };
  try {
    await Promise.race([whole.promise, patience()]);
    return carousel.segments;
  } finally {
    over.abort();
    o.counted?.(carousel.counts);
    await socket.close();
  }
}
