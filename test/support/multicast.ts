// Whether this machine lets a group be heard on loopback: containers without that route, or other systems, may not.
import { createSocket } from "node:dgram";

/** Milliseconds for a datagram to come back. */
const limit = 2000;

/** For `test(name, { skip: multicastMissing }, …)`: false where it works, else why not. */
export const multicastMissing: false | string = (await hears("239.255.77.99"))
  ? false
  : "needs multicast on the loopback interface (ip link set lo multicast on; ip route add 239.0.0.0/8 dev lo)";

function hears(group: string): Promise<boolean> {
  const socket = createSocket("udp4");
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), limit);
    const settle = (heard: boolean) => {
      clearTimeout(timer);
      resolve(heard);
    };
    socket.on("error", () => settle(false));
    socket.on("message", () => settle(true));
    socket.bind(0, () => {
      try {
        socket.addMembership(group, "127.0.0.1");
        socket.setMulticastInterface("127.0.0.1");
        socket.send("x", socket.address().port, group, (error) => error && settle(false));
      } catch {
        settle(false);
      }
    });
  }).finally(() => socket.close());
}
