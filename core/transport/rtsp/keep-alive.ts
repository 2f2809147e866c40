// Keeps an RTSP session: a request at half of the time after which the server would forget it.
import { HeadendError } from "../../errors.ts";
import type { Clock, Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import type { RtspExchange } from "./exchange.ts";

export interface KeepAliveOptions {
  readonly exchange: RtspExchange;
  readonly url: string;
  /** The address for errors, without secrets. */
  readonly shown: string;
  /** Milliseconds for which the server keeps the session; may change. */
  readonly timeout: () => number;
  /** What to send; absent: what the server says it can. */
  readonly method?: "GET_PARAMETER" | "OPTIONS";
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called after each request. */
  readonly onBeat: () => void;
  readonly onLost: (error: HeadendError) => void;
}

/** The server has forgotten the session (RFC 2326 §11.3.5). */
const sessionNotFound = 454;

/** Runs until the signal aborts. */
export async function keepAlive(options: KeepAliveOptions): Promise<void> {
  const { exchange, url, clock, log, signal, shown } = options;
  let refused = false;
  const beat = async (method: string): Promise<number> => {
    const { status } = await exchange.ask(method, url);
    if (status === sessionNotFound) {
      const reason = "the server has forgotten the session";
      options.onLost(new HeadendError("dial.refused", { url: shown, reason }));
    }
    return status;
  };
  for (;;) {
    await clock.sleep(options.timeout() / 2, signal);
    try {
      // OPTIONS goes to every server, and says whether GET_PARAMETER does, which some want to see.
      if (options.method !== "GET_PARAMETER" && (refused || !exchange.methods?.has("GET_PARAMETER")))
        await beat("OPTIONS");
      const able = options.method === "GET_PARAMETER" || exchange.methods?.has("GET_PARAMETER");
      if (options.method !== "OPTIONS" && able && !refused) {
        refused = (await beat("GET_PARAMETER")) >= 400;
        if (refused) await beat("OPTIONS");
      }
    } catch (error) {
      // A connection that broke has been told already; an answer that is late may still count.
      if (!signal.aborted) log.debug(`${shown}: the session could not be kept: ${reasonOf(error)}`);
    }
    options.onBeat();
  }
}
