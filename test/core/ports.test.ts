// Ports of an instance's own: opened, tried again while they cannot be, closed at the end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadendError } from "../../core/errors.ts";
import type { Listener } from "../../core/plugin.ts";
import { createPortBook, createPorts } from "../../core/ports.ts";
import { createTestClock } from "../support/clock.ts";

/** Ports of a machine on which some are taken. */
function machine(...busy: readonly number[]) {
  const clock = createTestClock();
  const taken = new Set(busy);
  const open = new Set<number>();
  const lines: string[] = [];
  const say = (sentence: string) => void lines.push(sentence);
  let tries = 0;
  const ports = createPorts({
    clock,
    log: { debug: say, info: say, warn: say, error: say },
    async listen({ port }) {
      tries++;
      if (taken.has(port)) throw new HeadendError("server.listen", { address: `:${port}`, reason: "it is taken" });
      open.add(port);
      return { host: "127.0.0.1", port: port || 40_000, stop: async () => void open.delete(port) };
    },
  });
  const opened: unknown[] = [];
  const listener = (port: number, more: Partial<Listener> = {}): Listener => ({
    port,
    routes: (app) => app,
    opened: (...at) => void opened.push(at),
    ...more,
  });
  return { clock, taken, open, lines, ports, opened, listener, tries: () => tries };
}

test("open() opens every port, says which it is, and close() closes all", async () => {
  const { ports, open, opened, listener, clock } = machine();
  await ports.open([listener(5004), listener(0)]);
  assert.deepEqual(opened, [
    [5004, "127.0.0.1"],
    [40_000, "127.0.0.1"],
  ]);
  assert.equal(ports.fault, undefined);
  await ports.close();
  assert.equal(open.size, 0);
  assert.equal(clock.sleeping, 0);
});

test("a port that is taken is a fault until it is free, and is told of once", async () => {
  const { ports, open, taken, listener, clock, lines, tries } = machine(5004);
  await ports.open([listener(5004), listener(5005)]);
  assert.match(ports.fault ?? "", /cannot listen on :5004: it is taken/);
  assert.deepEqual([...open], [5005]);
  await clock.advance(10 * 60_000);
  assert.ok(tries() > 5);
  assert.equal(lines.length, 1);
  taken.clear();
  await clock.advance(3 * 60_000);
  assert.equal(ports.fault, undefined);
  assert.deepEqual([...open], [5005, 5004]);
  await ports.close();
  assert.equal(open.size, 0);
});

test("an optional port that is taken is no fault, and nothing waits after close()", async () => {
  const { ports, listener, clock, lines } = machine(80);
  await ports.open([listener(80, { optional: true })]);
  assert.equal(ports.fault, undefined);
  assert.equal(lines.length, 1);
  await ports.close();
  assert.equal(clock.sleeping, 0);
});

test("createPortBook() says which instance has a port, or the server, and nothing of others' ports", async () => {
  const { listener, taken, open } = machine(80, 8888);
  const listen = createPortBook({
    server: () => 8888,
    async listen(_, { port }) {
      if (taken.has(port) || open.has(port))
        throw new HeadendError("server.listen", { address: `:${port}`, reason: "another program is using it" });
      open.add(port);
      return { host: "::", port, stop: async () => void open.delete(port) };
    },
  });
  const den = await listen("den", listener(5004));
  await assert.rejects(listen("kids", listener(5004)), /the instance den has this port; give one of them another/);
  await assert.rejects(listen("kids", listener(8888)), /the server itself has this port/);
  await assert.rejects(listen("kids", listener(80)), /another program is using it/);
  await den.stop();
  open.add(5004);
  await assert.rejects(listen("kids", listener(5004)), /another program is using it/);
});
