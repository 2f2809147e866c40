// When what somebody asks of is over: another one is begun for who asks again.
import { HeadendError } from "../../core/plugin.ts";

/** A watch of upstream's HLS has ended; who asks again gets another. */
export class RelayOver extends HeadendError {
  constructor(channel: string, cause: unknown) {
    super("tune.stopped", { channel, who: "upstream" }, cause);
  }
}

/** A watch of upstream's HLS that has ended says so for ever; anything else may be better next time. */
export function isOver(thrown: unknown): boolean {
  return !(thrown instanceof HeadendError) || thrown.code.startsWith("tune.");
}
