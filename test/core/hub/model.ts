// The hub against a model: random commands, and what must hold whatever happens.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { createHub, type Hub } from "../../../core/hub/index.ts";
import type { HlsWatch, TransportWatch, Tune, Viewer } from "../../../core/plugin.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel } from "../../support/host.ts";
import type { Command, Pace, World } from "./model-script.ts";
import { type Connection, createModelUpstream, type ModelUpstream } from "./model-upstream.ts";
import { type Checker, createChecker } from "./model-viewer.ts";

interface Person {
  readonly pace: Pace;
  /** Others go at the pace of those who watch. */
  readonly watches: boolean;
  readonly control: AbortController;
  readonly checker: Checker;
  readonly since: number;
  state: "asked" | "watching" | "gone";
  watch?: TransportWatch | HlsWatch;
  reader?: ReadableStreamDefaultReader<Uint8Array>;
  reading?: Promise<void>;
}

const ranks: readonly Viewer["priority"][] = ["viewer", "viewer", "viewer", "viewer", "recording", "probe"];
const sizes = { kept: 64 * 1024, most: 256 * 1024, body: 16 * 1024, ahead: 16 * 1024 };
const batchBytes = 348 * 188;
/** More than all candidates take together to be waited for, opened and closed. */
const patience = 2 * (15_000 + 10_000 + 10_000) + 5000;

/** Plays the commands and checks. @throws what does not hold */
export async function play(world: World, script: readonly Command[], tally?: Map<string, number>): Promise<void> {
  const count = (what: string) => void tally?.set(what, (tally.get(what) ?? 0) + 1);
  const clock = createTestClock(0, 1);
  const connections = new Map<number, Connection>();
  const people: Person[] = [];
  const limits = new Map<string, number>([["line", 20]]);
  if (world.tuners > 0) limits.set("tuners a", world.tuners);
  let hub: Hub | undefined;
  let opened = 0;

  const wantsOf = (instance: string, rank: number) => [
    ...(instance === "a" && world.tuners > 0
      ? [{ key: "tuners a", amount: 1, limit: rank < 3 ? Math.max(0, world.tuners - world.reserve) : world.tuners }]
      : []),
    ...(world.line ? [{ key: "line", amount: 8, limit: 20 }] : []),
  ];
  /** Connections that are open, but for those of openers that would not hear that they are not wanted. */
  const openOf = (instance: string) =>
    ups
      .filter((each) => each.instance === instance)
      .reduce((sum, { connections }) => {
        for (const each of connections)
          if (each.abortedAt === undefined || clock.monotonic() - each.abortedAt < 10_000) sum++;
        return sum;
      }, 0);
  const opening = () => {
    for (const { connections: own } of [...ups, slate]) for (const each of own) connections.set(each.id, each);
    if (world.tuners > 0) assert.ok(openOf("a") <= world.tuners, "no more upstreams are open than there are tuners");
    if (world.line) assert.ok(openOf("a") + openOf("b") <= 2, "no more upstreams are open than the line carries");
  };
  const upstreamOf = (id: number, instance: string) =>
    createModelUpstream({ id, instance, clock, length: world.length, nextId: () => ++opened, opening });
  // Two channels have an alternate of the other instance; the third has one upstream.
  const ups: ModelUpstream[] = ["a", "b", "a", "b"].map((instance, id) => upstreamOf(id, instance));
  const slate = upstreamOf(9, "slate");
  const ways = [[0, 1], [2, 1], [3]].map((ids) => ids.flatMap((id) => ups[id] ?? []));
  const channels = ways.map((_, index) => lineupChannel({ name: `c${index}`, id: `a:${index}` }));

  hub = createHub({
    clock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    sizes,
    ...(world.slate > 0
      ? {
          async *slate(signal: AbortSignal) {
            const source = await slate.source({ channel: lineupChannel({ name: "slate" }) }, signal);
            if (source.kind === "ts") yield* source.chunks;
          },
        }
      : {}),
    settings: () => ({ linger: world.linger, stall: 2000, slate: world.slate }),
    candidates: ({ channel, at }) =>
      (ways[channels.findIndex(({ id }) => id === channel.id)] ?? []).map((each) => ({
        key: `${each.id} ${at ?? ""}`,
        instance: each.instance,
        shown: String(each.id),
        wants: (rank: number) => wantsOf(each.instance, rank),
        open: (signal: AbortSignal) => each.source({ channel, ...(at === undefined ? {} : { at }) }, signal),
        openHls: (_: unknown, signal: AbortSignal) => each.session(signal),
      })),
  });
  const { ledger } = hub;
  const settle = () => setImmediate();

  function read(person: Person): void {
    const { reader, checker } = person;
    if (!reader || person.reading || person.state !== "watching") return;
    person.reading = reader.read().then(
      ({ done, value }) => {
        delete person.reading;
        if (done) person.state = "gone";
        else checker.add(value);
        if (!done && person.pace === "fast") read(person);
      },
      () => {
        delete person.reading;
        person.state = "gone";
      },
    );
    person.reading.catch((error) => faults.push(error));
  }
  const faults: unknown[] = [];

  function watch(command: Extract<Command, { do: "watch" }>): void {
    const channel = channels[command.channel];
    if (!channel || people.length >= 12 || !hub) return;
    const control = new AbortController();
    const { pace } = command;
    const past = command.past > 0;
    // Of several at one past, the fastest decides.
    const alone = pace === "fast";
    const person: Person = {
      pace,
      watches: command.rank < 4,
      control,
      checker: createChecker({ connections, fast: alone, past }),
      since: clock.monotonic(),
      state: "asked",
    };
    people.push(person);
    const tune: Tune = { channel, ...(past ? { at: command.past * 1000 } : {}) };
    const priority = ranks[command.rank];
    const viewer = { name: `client ${command.client}`, ...(priority ? { priority } : {}) };
    const asked = command.hls ? hub.watchHls(tune, viewer, control.signal) : hub.watch(tune, viewer, control.signal);
    asked.then(
      (given) => {
        person.watch = given;
        person.state = "watching";
        count(`watching ${given.kind} ${past ? "past" : "live"} ${pace}`);
        if (given.kind === "hls") return;
        person.reader = given.body.getReader();
        if (pace === "fast") read(person);
      },
      (error) => {
        person.state = "gone";
        count(`refused ${error?.code ?? "by hand"}`);
      },
    );
  }

  function leave(person: Person): void {
    person.control.abort(new Error("left"));
    if (person.watch?.kind === "hls") person.watch.close();
    person.reader?.cancel().catch(() => {});
    person.state = "gone";
  }

  function check(): void {
    if (faults.length > 0) throw faults[0];
    for (const [key, limit] of limits) {
      const used = ledger.used(key);
      assert.ok(used <= limit, `${key}: ${used} of ${limit} in use`);
    }
    if (world.tuners > 0) assert.ok(openOf("a") <= ledger.used("tuners a"), "what is open is in the ledger");
    for (const { ringBytes, viewers, failovers, stalls, state } of hub?.streams() ?? []) {
      assert.ok(ringBytes <= sizes.most + 2 * batchBytes, `what is kept is bounded: ${ringBytes}`);
      if (tally) for (const [what, n] of Object.entries({ failovers, stalls })) if (n > 0) count(what);
      if (tally) count(`state ${state}`);
      if (tally && viewers.some(({ skips }) => skips > 0)) count("skips");
      for (const { backlog } of viewers)
        assert.ok(backlog <= ringBytes + sizes.body + 2 * batchBytes, "backlog is bounded");
    }
    for (const { state, since } of people)
      assert.ok(state !== "asked" || clock.monotonic() - since <= patience, "every watch is answered");
  }

  async function advance(ms: number): Promise<void> {
    for (let left = ms; ; left -= 500) {
      await clock.advance(Math.max(0, Math.min(left, 500)));
      check();
      if (left <= 500) return;
      for (const each of [...ups, slate]) if (each.steady || each === slate) each.send(16, 0);
    }
  }

  /** All fast viewers have what upstream has sent. */
  function checkNothingMissed(): void {
    for (const { pace, state, checker, watches } of people) {
      const { last } = checker;
      const connection = last && connections.get(last.connection);
      if (pace !== "fast" || !watches || state !== "watching" || !last || !connection || connection.torn) continue;
      if (connection.ended || connection.signal.aborted || connection.patient) continue;
      // After garbage, packets wait for two more that confirm where they begin.
      if (connection.garbled ? last.serial >= connection.made - 3 : last.serial === connection.made - 1) continue;
      assert.fail(`a fast viewer has everything: ${last.serial} of ${connection.made}`);
    }
  }

  for (const command of script) {
    const person = "who" in command ? people[command.who] : undefined;
    const upstream = "up" in command ? ups[command.up] : undefined;
    if (command.do === "watch") watch(command);
    else if (command.do === "advance") await advance(command.ms);
    else if (command.do === "stop") void hub.stop(command.instance);
    else if (command.do === "send") upstream?.send(command.packets, command.cut);
    else if (command.do === "behave" && upstream) {
      const { behaviour, closing, deafness, steady } = command;
      Object.assign(upstream, { behaviour, closing, deafness, steady });
    } else if (command.do === "end") upstream?.pushAll("end");
    else if (command.do === "fail") upstream?.pushAll(new Error("broken"));
    else if (command.do === "garbage") upstream?.spoil();
    else if (command.do === "tear") upstream?.tear();
    else if (person && command.do === "leave") leave(person);
    else if (person && command.do === "abort" && person.state === "asked") person.control.abort(new Error("no more"));
    else if (person && command.do === "read" && person.pace === "slow") read(person);
    else if (person && command.do === "dismiss" && person.watch) hub.end(person.watch.id);
    else if (person?.watch?.kind === "hls" && command.do === "ask") person.watch.playlist("").catch(() => {});
    if (command.do === "watch" ? command.rank % 2 === 0 : command.do !== "advance") await settle();
    check();
  }

  for (const each of ups) if (each.behaviour !== "hls") each.behaviour = "open";
  await clock.advance(200);
  check();
  // What came at once is taken in several turns.
  for (let turn = 0; turn < 100; turn++) await settle();
  await clock.advance(100);
  checkNothingMissed();
  // The slow get to see what they have missed.
  for (const each of people)
    for (let turn = 0; turn < 50 && each.pace === "slow" && each.state === "watching"; turn++) {
      read(each);
      await settle();
      if (each.reading) break;
    }
  check();
  // Whoever still waits is answered; then all leave.
  for (const each of people) if (each.state === "asked") each.control.abort(new Error("no more"));
  await settle();
  await settle();
  for (const each of people) assert.notEqual(each.state, "asked", "who gives up is answered at once");
  for (const each of ups) each.closing = 0;
  for (const each of people) leave(each);
  await clock.advance(world.linger + 300);
  const slow = script.some((each) => each.do === "behave" && (each.behaviour === "deaf" || each.closing > 0));
  if (!slow) assert.deepEqual(hub.streams(), [], "nothing is open when nobody watches and linger is over");
  // What closes slowly is being closed; openers that will not hear take their time.
  await clock.advance(60_000);
  check();
  assert.deepEqual(hub.streams(), [], "no stream is left");
  for (const key of limits.keys()) assert.equal(ledger.used(key), 0, `${key} is given back`);
  for (const each of [...ups, slate]) assert.equal(each.connections.size, 0, `nothing is open of ${each.id}`);
  assert.equal(clock.sleeping, 0, "nobody sleeps");
}
