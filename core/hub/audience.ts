// Who watches a stream: from the wish on, with or without pictures yet, until they leave.
import type { Clock, Viewer, ViewerStatus } from "../plugin.ts";
import type { Cursor, Joint, Ring } from "./ring.ts";
import type { Sizes } from "./sizes.ts";
import type { HlsSession } from "./upstream.ts";
import { createTransportViewer, type TransportViewer } from "./viewer.ts";

/** Somebody who watches. */
export interface Watcher {
  readonly id: string;
  /** What it watches: bytes, or upstream's playlists. */
  readonly transport?: TransportViewer;
  readonly session?: HlsSession;
  leave(): void;
}

/** A place in the audience. */
export interface Seat {
  readonly id: string;
  readonly viewer: Viewer;
  readonly rank: number;
  readonly since: number;
  /** Called when it is told to go before it has been given anything. */
  readonly dismissed: (reason: unknown) => void;
  /** Called once it has left what it was given. */
  readonly left: () => void;
  form: "ts" | "hls";
  transport?: TransportViewer;
  session?: HlsSession;
  /** When it came, by the monotonic clock; and how long it then waited for its first byte. */
  readonly came: number;
  firstByte?: number;
  /** Bytes it had taken when it last took any, and when that was. */
  taken: number;
  takenAt: number;
}

/** Where bytes for viewers are. */
export interface Spring {
  readonly ring: Ring;
  /** The end of the ring, as a joint. */
  edge(): Joint;
}

export interface AudienceOptions {
  readonly clock: Clock;
  readonly live: boolean;
  readonly sizes: Sizes;
  /** Somebody came, or went; then, when that one was last heard of, by the monotonic clock. */
  changed(size: number, seen?: number): void;
  /** Somebody who had enough wants more. */
  wants(): void;
}

/** A tap counts for nothing: it sees what is there for others. */
export const ranks = { tap: 0, probe: 1, recording: 2, viewer: 3 } as const;
/** Who has taken nothing for so many milliseconds has paused, and holds up nobody. */
const pauseLimit = 5000;
/** A viewer that takes nothing for so many milliseconds is gone; who watches the past may have paused. */
const stuckLimits = { live: 60_000, past: 3_600_000 } as const;

export type Audience = ReturnType<typeof createAudience>;

export function createAudience(o: AudienceOptions) {
  const { clock } = o;
  const seats = new Map<string, Seat>();
  const stuckLimit = o.live ? stuckLimits.live : stuckLimits.past;
  let entered = 0;
  let taps = 0;
  const size = () => seats.size - taps;
  const counted = () => [...seats.values()].filter((seat) => seat.rank !== ranks.tap);

  /** Also one that never was given anything. */
  function leave(seat: Seat): void {
    if (!seats.delete(seat.id)) return;
    if (seat.rank === ranks.tap) taps--;
    if (seat.transport || seat.session) seat.left();
    o.changed(size(), seat.viewer.seen);
  }

  function dismiss(seat: Seat, reason: unknown): void {
    if (seat.transport) seat.transport.drop();
    else if (seat.session) leave(seat);
    else seat.dismissed(reason);
  }

  function feed(seat: Seat): void {
    seat.transport?.feed();
    if (seat.firstByte === undefined && seat.transport?.bytes) seat.firstByte = clock.monotonic() - seat.came;
  }

  const rank = () => Math.max(0, ...Array.from(seats.values(), (seat) => seat.rank));

  return {
    /** How many it is for. */
    get size() {
      return size();
    },
    /** How many have ever come. */
    get entered() {
      return entered;
    },

    enter(id: string, viewer: Viewer, form: "ts" | "hls", on: Pick<Seat, "dismissed" | "left">): Seat {
      const now = clock.monotonic();
      const own = ranks[viewer.priority ?? "viewer"];
      const seat: Seat = { id, viewer, form, rank: own, since: clock.now(), came: now, taken: 0, takenAt: now, ...on };
      entered++;
      if (own === ranks.tap) taps++;
      seats.set(id, seat);
      o.changed(size());
      return seat;
    },

    /** It takes bytes, whatever it asked for. */
    settle(seat: Seat): void {
      seat.form = "ts";
      o.changed(size());
    },

    /** Gives it bytes. */
    seat(seat: Seat, { ring, edge }: Spring, from: Cursor | undefined): Watcher {
      const transport = createTransportViewer({
        ring,
        edge,
        room: o.sizes.body,
        ...(from ? { from } : {}),
        wants: o.wants,
        left: () => leave(seat),
      });
      seat.transport = transport;
      seat.takenAt = clock.monotonic();
      feed(seat);
      o.changed(size());
      return { id: seat.id, transport, leave: () => leave(seat) };
    },

    /** Gives it playlists. */
    relay(seat: Seat, session: HlsSession): Watcher {
      seat.session = session;
      seat.firstByte = clock.monotonic() - seat.came;
      return { id: seat.id, session, leave: () => leave(seat) };
    },

    leave,

    some(form: "ts" | "hls"): boolean {
      for (const seat of seats.values()) if (seat.form === form) return true;
      return false;
    },

    feed(): void {
      for (const seat of seats.values()) feed(seat);
    },

    /**
     * Bytes that wait for the one who has the least waiting; when nobody takes any, without end. What is recorded goes
     * at the pace of those who watch, as long as they do.
     */
    nearest(): number {
      const recent = clock.monotonic() - pauseLimit;
      let least = Number.POSITIVE_INFINITY;
      let others = Number.POSITIVE_INFINITY;
      for (const { transport, rank, takenAt } of seats.values()) {
        if (!transport) continue;
        if (rank === ranks.viewer && takenAt >= recent) least = Math.min(least, transport.behind());
        else others = Math.min(others, transport.behind());
      }
      return least === Number.POSITIVE_INFINITY ? others : least;
    },

    rank,

    /** Who wants a tuner; nobody that others of its name would give way to, unless it is a viewer. */
    client(): string | undefined {
      const newest = counted().at(-1);
      return newest?.rank === ranks.viewer ? newest.viewer.name : undefined;
    },

    loss() {
      const all = counted();
      const names = new Set(all.map(({ viewer }) => viewer.name));
      const [client] = names;
      // Two recordings go by one name, and neither is to end the other.
      const one = names.size === 1 && client !== undefined && all.every((each) => each.rank === ranks.viewer);
      return { rank: rank(), viewers: all.length, ...(one ? { client } : {}) };
    },

    /** Lets everybody have what there still is, and go; with a reason, so that they know that it is not all. */
    end(reason?: unknown): void {
      for (const seat of [...seats.values()]) {
        if (seat.transport) seat.transport.end(reason);
        else if (seat.session) leave(seat);
      }
    },

    /** Lets those go who watch upstream's playlists. */
    endRelays(): void {
      for (const seat of [...seats.values()]) if (seat.session) leave(seat);
    },

    dismiss,

    find: (id: string): Seat | undefined => seats.get(id),

    /** Lets viewers go that take nothing any more. */
    dropStuck(): void {
      const now = clock.monotonic();
      // Who pauses says nothing, and others may go on.
      if (seats.size > 1) o.wants();
      for (const seat of [...seats.values()]) {
        const { transport } = seat;
        if (!transport) continue;
        const taken = transport.bytes - transport.waiting;
        if (taken !== seat.taken || transport.waiting === 0) {
          seat.taken = taken;
          seat.takenAt = now;
        } else if (now - seat.takenAt > stuckLimit) transport.drop(true);
      }
    },

    status: (): ViewerStatus[] =>
      Array.from(seats.values(), ({ id, viewer, since, transport, firstByte }) => ({
        id,
        name: viewer.name,
        since,
        ...(firstByte === undefined ? {} : { firstByte }),
        bytes: transport?.bytes ?? 0,
        backlog: transport ? transport.behind() + transport.waiting : 0,
        skips: transport?.skips ?? 0,
      })),
  };
}
