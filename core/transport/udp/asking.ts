// Asks by a datagram, as clients look for devices: through one network, to one, to all or to a group, and gathers the answers.
import { DgramAsPromised } from "dgram-as-promised";
import type { Clock } from "../../plugin.ts";
import { isMulticast } from "./address.ts";
import type { Sender } from "./receiver.ts";

export interface AskingOptions {
  /** The IPv4 address of ours that is asked from, whose network a group or a broadcast goes through. */
  readonly from: string;
  readonly to: Sender;
  readonly question: Uint8Array;
  /** Milliseconds until nobody will answer any more; the question is asked once again after half of them. */
  readonly patience: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * The first that `read` makes of an answer; undefined when none came in time that it makes something of.
 *
 * @throws when it cannot be asked at all, or the signal's reason
 */
export async function askByDatagram<Answer>(
  { from, to, question, patience, clock, signal }: AskingOptions,
  read: (bytes: Uint8Array, from: Sender) => Answer | undefined,
): Promise<Answer | undefined> {
  signal.throwIfAborted();
  const promised = DgramAsPromised.createSocket("udp4");
  const over = new AbortController();
  const onAbort = () => over.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let answer: Answer | undefined;
  try {
    await promised.bind({ port: 0, address: from });
    if (isMulticast(to.address)) promised.setMulticastInterface(from);
    else promised.socket.setBroadcast(true);
    promised.socket.on("message", (bytes, { address, port }) => {
      answer ??= read(bytes, { address, port });
      if (answer !== undefined) over.abort();
    });
    // Nobody listens there: that is told by nothing coming.
    promised.socket.on("error", () => {});
    for (let turn = 0; turn < 2 && answer === undefined; turn++) {
      await promised.send(question, to.port, to.address);
      await clock.sleep(patience / 2, over.signal).catch(() => {});
      signal.throwIfAborted();
    }
    return answer;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await promised.close().catch(() => {});
  }
}
