// Counts what streams may hold at once, tuners and bandwidth, and decides who gives way when there is not enough.

/** How much of something a claim wants, of how much there is. Amounts of one key are in one unit. */
export interface Want {
  /** Such as `tuners italia` or `bits eth0`. */
  readonly key: string;
  readonly amount: number;
  readonly limit: number;
}

/** What is lost when a lease is taken away. */
export interface Loss {
  /** Of the most important viewer; 0 when nobody watches. */
  readonly rank: number;
  readonly viewers: number;
  /** The one client behind all viewers, if it is one. */
  readonly client?: string;
  /** Since when it is held: a younger one is the lesser loss. */
  readonly since: number;
}

/** Who wants something. */
export interface Claim {
  readonly wants: readonly Want[];
  readonly rank: number;
  /** To whose own holdings it may be preferred, if to anybody's. */
  readonly client?: string | undefined;
  /** What would be lost, once granted. */
  loss(): Loss;
  /** Asked to give back, or not to wait any longer: the lease must be released, or the signal aborted, soon. */
  evict(): void;
}

/** What was granted. */
export interface Lease {
  /** Gives back; more than once is once. */
  release(): void;
}

/** Why nothing was granted: the want that cannot be met. */
export class Full extends Error {
  readonly want: Want;
  readonly used: number;

  constructor(want: Want, used: number) {
    super(`${want.key}: ${used} of ${want.limit} in use`);
    this.want = want;
    this.used = used;
  }
}

export interface Ledger {
  /**
   * Grants all wants at once, or none. What is held or waited for by nobody's viewer, by the same client, or by lesser
   * viewers is taken away first; the grant then waits until that has been given back.
   * @throws Full when all that is held matters as much; the signal's reason
   */
  claim(claim: Claim, signal: AbortSignal): Promise<Lease>;
  /** How much of a key is held. */
  used(key: string): number;
  /** Everything that is held, by key. */
  all(): ReadonlyMap<string, number>;
}

interface Held {
  readonly claim: Claim;
  /** Told to give back, or not to wait any longer. */
  evicted: boolean;
}

interface Waiting extends Held {
  grant(): void;
}

export function createLedger(): Ledger {
  const held = new Set<Held>();
  const waiting = new Set<Waiting>();

  /** Held, and promised to those that wait, up to `before` in their order. */
  function used(key: string, before?: Waiting): number {
    let sum = 0;
    for (const { claim } of held) sum += amountOf(claim, key);
    if (before === undefined) return sum;
    for (const other of waiting) {
      if (other === before) break;
      sum += amountOf(other.claim, key);
    }
    return sum;
  }

  function lacking(claim: Claim, before: Waiting): Want | undefined {
    return claim.wants.find(({ key, amount, limit }) => used(key, before) + amount > limit);
  }

  function take(claim: Claim): Lease {
    const entry: Held = { claim, evicted: false };
    held.add(entry);
    return {
      release() {
        if (held.delete(entry)) grantWaiting();
      },
    };
  }

  function grantWaiting(): void {
    for (const each of waiting) if (!lacking(each.claim, each)) each.grant();
  }

  /**
   * Who is to give way so that the claim fits, least loss first, be it that they hold or that they wait for what others
   * are giving back; or the want for which there are not enough.
   */
  function victimsFor(claim: Claim, entry: Waiting): Held[] | Want {
    const victims: Held[] = [];
    const all: readonly Held[] = [...held, ...waiting].filter((each) => each !== entry);
    const candidates = all
      .filter((each) => !each.evicted && yields(each.claim.loss(), claim))
      .sort((a, b) => compareLoss(a.claim.loss(), b.claim.loss(), claim.client));
    for (const want of claim.wants) {
      let missing = used(want.key, entry) + want.amount - want.limit;
      // What is being given back already, and is not yet promised to another, comes free by itself.
      for (const each of all) if (each.evicted || victims.includes(each)) missing -= amountOf(each.claim, want.key);
      for (const each of candidates) {
        if (missing <= 0) break;
        const amount = amountOf(each.claim, want.key);
        if (amount === 0 || victims.includes(each)) continue;
        victims.push(each);
        missing -= amount;
      }
      if (missing > 0) return want;
    }
    return victims;
  }

  return {
    async claim(claim, signal) {
      signal.throwIfAborted();
      let settle: ((lease: Lease) => void) | undefined;
      const entry: Waiting = {
        claim,
        evicted: false,
        grant() {
          waiting.delete(entry);
          settle?.(take(claim));
        },
      };
      waiting.add(entry);
      if (!lacking(claim, entry)) {
        waiting.delete(entry);
        return take(claim);
      }
      const victims = victimsFor(claim, entry);
      if (!Array.isArray(victims)) {
        waiting.delete(entry);
        throw new Full(victims, used(victims.key));
      }
      return await new Promise<Lease>((resolve, reject) => {
        const onAbort = () => {
          if (!waiting.delete(entry)) return;
          grantWaiting();
          reject(signal.reason);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        settle = (lease) => {
          signal.removeEventListener("abort", onAbort);
          resolve(lease);
        };
        for (const each of victims) each.evicted = true;
        for (const each of victims) each.claim.evict();
      });
    },
    used: (key) => used(key),
    all() {
      const sums = new Map<string, number>();
      for (const { claim } of held)
        for (const { key, amount } of claim.wants) sums.set(key, (sums.get(key) ?? 0) + amount);
      return sums;
    },
  };
}

function amountOf(claim: Claim, key: string): number {
  return claim.wants.find((want) => want.key === key)?.amount ?? 0;
}

/** Whether a holder gives way: nobody watches it, the claimant is its only client, or its viewers matter less. */
function yields(loss: Loss, claim: Claim): boolean {
  return loss.viewers === 0 || isOwn(loss, claim.client) || loss.rank < claim.rank;
}

function isOwn(loss: Loss, client: string | undefined): boolean {
  return client !== undefined && loss.client === client;
}

function compareLoss(a: Loss, b: Loss, client: string | undefined): number {
  const weigh = (loss: Loss) => (loss.viewers === 0 ? 0 : isOwn(loss, client) ? 1 : 1 + loss.rank);
  return weigh(a) - weigh(b) || a.viewers - b.viewers || b.since - a.since;
}
