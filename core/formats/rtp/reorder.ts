// Puts packets into the order of their sequence numbers (RFC 3550 §5.1), holding back few of them for a short time.

export interface ReorderOptions {
  /** Most packets that are held back while one is missing: 1 to 512, rounded up to a power of two; default 64. */
  readonly packets?: number;
  /** Most milliseconds for which a packet is held back, default 50. */
  readonly time?: number;
}

/** What has become of the packets so far. */
export interface ReorderCounts {
  /** Packets that were pushed. */
  received: number;
  /** Sequence numbers that were given up. */
  lost: number;
  /** Packets dropped because they had been delivered already. */
  duplicates: number;
  /** Packets dropped because they came after they had been given up. */
  late: number;
  /** Packets that came before one with a lower number, and were held back. */
  early: number;
  /** New senders, and jumps of the sequence number. */
  restarts: number;
}

/** Orders the packets of one stream. */
export interface Reorder<Item> {
  readonly counts: Readonly<ReorderCounts>;
  /** Takes a packet and delivers what is due. `now` is a time in milliseconds that never goes back. */
  push(sequence: number, ssrc: number, item: Item, now: number): void;
  /** Delivers what has been held back for long enough. */
  expire(now: number): void;
  /** Delivers everything that is held back. */
  flush(): void;
  /** Packets held back. */
  readonly held: number;
}

/** A jump forward of so many is loss; a greater one is a new beginning (MAX_DROPOUT of appendix A.1). */
const maxDropout = 3000;
/** A packet at most so far behind is a duplicate or late; one further behind is a new beginning (MAX_MISORDER). */
const maxMisorder = 512;

/**
 * Calls `deliver` with each packet, in order, each at most once. With nothing missing a packet passes at once. A jump of
 * the sequence number is believed when a second packet follows it (appendix A.1); a new SSRC at once.
 */
export function createReorder<Item>(deliver: (item: Item) => void, options: ReorderOptions = {}): Reorder<Item> {
  // A power of two, so that slots go on evenly where the sequence number wraps.
  const size = 2 ** Math.ceil(Math.log2(Math.min(Math.max(options.packets ?? 64, 1), 512)));
  const time = options.time ?? 50;
  const counts: ReorderCounts = { received: 0, lost: 0, duplicates: 0, late: 0, early: 0, restarts: 0 };
  // Slot `sequence % size`: what is held back, and since when.
  const items: (Item | undefined)[] = new Array(size).fill(undefined);
  const full = new Uint8Array(size);
  const since = new Float64Array(size);
  // Slot `sequence % maxMisorder`: 1 when it was delivered, 0 when it was given up.
  const delivered = new Uint8Array(maxMisorder);
  let held = 0;
  let next = -1;
  let sender = 0;
  let suspect: { readonly sequence: number; readonly item: Item; readonly now: number } | undefined;

  const pass = (item: Item) => {
    delivered[next % maxMisorder] = 1;
    next = (next + 1) & 0xffff;
    deliver(item);
  };
  const giveUp = () => {
    delivered[next % maxMisorder] = 0;
    next = (next + 1) & 0xffff;
    counts.lost++;
  };
  /** Delivers or gives up the next number. */
  const step = () => {
    const slot = next % size;
    const item = items[slot];
    if (full[slot] === 0) return giveUp();
    full[slot] = 0;
    items[slot] = undefined;
    held--;
    pass(item as Item);
  };
  const drain = () => {
    while (held > 0 && full[next % size] === 1) step();
  };
  const flush = () => {
    while (held > 0) step();
  };
  /** The slot of the first packet that is held back. */
  const firstHeld = () => {
    let slot = next % size;
    for (let turn = 0; turn < size && full[slot] === 0; turn++) slot = (slot + 1) % size;
    return slot;
  };
  const expire = (now: number) => {
    while (held > 0) {
      const slot = firstHeld();
      if (now - (since[slot] ?? now) < time) return;
      while (next % size !== slot) step();
      drain();
    }
  };
  const begin = (sequence: number, ssrc: number) => {
    flush();
    delivered.fill(0);
    suspect = undefined;
    next = sequence;
    sender = ssrc;
  };
  const place = (ahead: number, sequence: number, item: Item, now: number) => {
    if (ahead === 0) {
      pass(item);
      if (held > 0) drain();
    } else {
      // What lies further ahead than there is room moves the window.
      for (let room = ahead; room >= size; room--) step();
      const slot = sequence % size;
      if (full[slot] === 1) {
        counts.duplicates++;
      } else if (sequence === next) {
        pass(item);
      } else {
        full[slot] = 1;
        items[slot] = item;
        since[slot] = now;
        held++;
        counts.early++;
      }
      drain();
    }
    if (held > 0) expire(now);
  };

  return {
    counts,
    get held() {
      return held;
    },
    expire,
    flush,
    push(sequence, ssrc, item, now) {
      counts.received++;
      if (next < 0) begin(sequence, ssrc);
      else if (ssrc !== sender) {
        counts.restarts++;
        begin(sequence, ssrc);
      }
      const ahead = (sequence - next) & 0xffff;
      if (ahead < maxDropout) {
        suspect = undefined;
        place(ahead, sequence, item, now);
      } else if (0x10000 - ahead <= maxMisorder) {
        if (delivered[sequence % maxMisorder] === 1) counts.duplicates++;
        else counts.late++;
      } else if (suspect && ((sequence - suspect.sequence) & 0xffff) <= size && sequence !== suspect.sequence) {
        const first = suspect;
        counts.restarts++;
        begin(first.sequence, ssrc);
        place(0, first.sequence, first.item, first.now);
        place((sequence - next) & 0xffff, sequence, item, now);
      } else {
        // Unless the next one follows it, it was a stray.
        suspect = { sequence, item, now };
      }
    },
  };
}
