// An upstream of the soak bench: a loop in its own time, until it breaks in one of many ways.
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Loop } from "../../providers/testcard/loop.ts";

/** How it may break. */
export const kinds = ["refuse", "404", "html", "stall", "reset", "end", "garbage", "shift"] as const;

/** One upstream address: a loop in its own time, until its fault comes. */
export class Origin {
  readonly open = new Set<ServerResponse>();
  fault: string | undefined;
  last = "none";
  readonly loop: Loop;
  readonly #rate: number;
  /** @param rate times as fast as the loop's own clock */
  constructor(loop: Loop, rate: number) {
    this.loop = loop;
    this.#rate = rate;
  }

  answer(response: ServerResponse): void {
    const { fault } = this;
    if (fault === "refuse") return void response.writeHead(503).end();
    if (fault === "404") return void response.writeHead(404).end("gone");
    if (fault === "html") return void response.writeHead(200, { "content-type": "text/html" }).end("<html>log in");
    response.writeHead(200, { "content-type": "video/mp2t" });
    this.open.add(response);
    response.on("close", () => this.open.delete(response));
    const begun = performance.now();
    let next = 0;
    const timer = setInterval(() => {
      if (this.fault === "stall") return;
      for (; this.loop.batch(next).at / this.#rate <= performance.now() - begun + 200; next++) {
        if (response.writableLength < 4e6) response.write(this.loop.batch(next).bytes);
      }
    }, 25);
    response.on("close", () => clearInterval(timer));
  }

  /** Works again, for who asks from now on: what stalled in the middle of a packet does not go on. */
  mend(): void {
    if (this.fault === "stall") for (const response of this.open) response.socket?.resetAndDestroy();
    this.fault = undefined;
  }

  break(fault: string): void {
    this.fault = fault;
    this.last = `${fault} ${new Date().toISOString().slice(14, 23)}`;
    for (const response of this.open) {
      if (fault === "garbage") response.write(Buffer.alloc(5000, 0x5a));
      else if (fault === "shift") response.write(Buffer.from([0x47, 1, 2]));
      else if (fault === "stall") response.write(Buffer.from([0x47, 0x41, 0]));
      else if (fault === "end") response.end();
      else response.socket?.resetAndDestroy();
    }
  }
}
