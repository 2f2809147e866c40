// A name server that knows every name under one address of this machine, and counts who asks.
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";

export interface NameServer {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** Names that were asked for. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** @param answer the four bytes of the address; none: it refuses to say */
export async function openNameServer(answer = [127, 0, 0, 1]): Promise<NameServer> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (question, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const end = at + 5;
    asked.push(labels.join("."));
    const isAddress = question.readUInt16BE(at + 1) === 1 && answer.length > 0;
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(answer.length > 0 ? 0x8180 : 0x8185, 2);
    head.writeUInt16BE(isAddress ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    // A record: the question's name, A, IN, a minute, four bytes (RFC 1035 §4.1.3).
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer]);
    const parts = [head, question.subarray(12, end), ...(isAddress ? [record] : [])];
    socket.send(Buffer.concat(parts), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}
