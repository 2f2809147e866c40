// The kernel's receive buffer: as large as asked for, or the user is told once.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { systemClock } from "../../../../core/clock.ts";
import type { Logger } from "../../../../core/plugin.ts";
import { openDatagramSocket } from "../../../../core/transport/udp/socket.ts";

const skip = process.versions.bun ? false : "only Bun can be asked for a larger buffer without harm";

test("openDatagramSocket() warns once when the kernel gives a smaller buffer than asked for", { skip }, async () => {
  const said: string[] = [];
  const say = (sentence: string) => void said.push(sentence);
  const log: Logger = { debug: say, info: say, warn: say, error: say };
  for (let turn = 0; turn < 2; turn++) {
    const socket = await openDatagramSocket({
      host: "127.0.0.1",
      port: 0,
      receiveBytes: 1 << 30,
      clock: systemClock,
      log,
      onDatagram() {},
      onError() {},
    });
    await socket.close();
  }
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /receive buffer of \S+ where 1GiB were asked for.*net\.core\.rmem_max=1073741824/);
});
