// Who watches by asking again and again: players of HLS never say that they leave.
import type { Clock, Viewer } from "../../core/plugin.ts";

export interface Attendance {
  /** All of them as one, for the hub: by name while there is only one, so that a player's tuner can be handed over. */
  readonly viewer: Viewer;
  /** Somebody asks for something; call what it gives when it has been answered. */
  enter(name: string): () => void;
  /** Players that asked for something lately. */
  readonly count: number;
}

export interface AttendanceOptions {
  readonly clock: Clock;
  /** Milliseconds without a request after which a player has left. */
  linger(): number;
  /** Ends the watch over it. */
  readonly signal: AbortSignal;
  /** Nobody is left. Once. */
  left(): void;
}

/** Players remembered of one stream; of more, the one that asked longest ago is forgotten. */
const most = 1000;

export function createAttendance(o: AttendanceOptions): Attendance {
  const { clock } = o;
  /** The last request of each, the oldest first. */
  const seen = new Map<string, number>();
  let last = clock.monotonic();
  /** Requests that are not answered yet. */
  let open = 0;

  function forget(): void {
    const limit = clock.monotonic() - o.linger();
    for (const [name, at] of seen) {
      if (at > limit) return;
      seen.delete(name);
    }
  }

  function note(name: string): void {
    last = clock.monotonic();
    seen.delete(name);
    seen.set(name, last);
    if (seen.size <= most) return;
    const [oldest] = seen.keys();
    if (oldest !== undefined) seen.delete(oldest);
  }

  async function watch(): Promise<void> {
    for (;;) {
      const rest = last + o.linger() - clock.monotonic();
      if (rest <= 0 && open === 0) return o.left();
      await clock.sleep(rest > 0 ? rest : o.linger(), o.signal);
    }
  }
  watch().catch(() => {});

  return {
    viewer: {
      get name() {
        forget();
        const [name] = seen.keys();
        return seen.size === 1 && name !== undefined ? name : `${seen.size} players of HLS`;
      },
      get seen() {
        return open > 0 ? clock.monotonic() : last;
      },
    },
    enter(name) {
      open++;
      note(name);
      return () => {
        open--;
        note(name);
      };
    },
    get count() {
      forget();
      return seen.size;
    },
  };
}
