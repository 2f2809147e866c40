// Which address of this machine the system would speak from, to one beyond the networks that it is on.
import { DgramAsPromised } from "dgram-as-promised";

/** Sends nothing. Undefined where there is no way there, or the runtime does not tell (Deno 2). */
export async function findRoute(to: string): Promise<string | undefined> {
  const { socket } = DgramAsPromised.createSocket(to.includes(":") ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      // Any port will do.
      socket.connect(9, to, () => resolve());
    });
    const { address } = socket.address();
    return /^(0\.0\.0\.0|::)$/.test(address) ? undefined : address;
  } catch {
    return undefined;
  } finally {
    socket.on("error", () => {});
    socket.close();
  }
}
