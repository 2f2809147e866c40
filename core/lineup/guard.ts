// The shrink guard: a lineup that is suddenly far smaller is believed only when upstream insists.
import { HeadendError } from "../errors.ts";

/** What is believed of an instance, and how often upstream has said otherwise. */
export interface Believed {
  /** How many channels upstream gave, before rules. */
  given: number;
  strikes: number;
  /** When the last strike was counted, on the monotonic clock. */
  struck: number;
}

/** A lineup below this size may shrink as it likes. */
const guarded = 10;
/** Attempts that follow a failure come quickly: together they are one word of upstream's. */
const strikeEvery = 30 * 60_000;

/** @throws HeadendError `instance.empty`; `instance.shrunk` until `patience` strikes are counted */
export function believe(given: number, before: Believed | undefined, patience: number, now: number): void {
  if (given === 0) throw new HeadendError("instance.empty");
  if (!before || before.given < guarded || given * 2 >= before.given) return;
  if (before.strikes === 0 || now - before.struck >= strikeEvery) {
    before.strikes++;
    before.struck = now;
  }
  if (before.strikes >= patience) return;
  throw new HeadendError("instance.shrunk", { count: given, before: before.given, left: patience - before.strikes });
}
