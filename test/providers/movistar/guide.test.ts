// The guide's rounds: on the hour, again after a failure, and again while something of it is missing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startJobs } from "../../../core/jobs.ts";
import type { Logger } from "../../../core/plugin.ts";
import { createCarousel } from "../../../providers/movistar/carousel.ts";
import type { Receive } from "../../../providers/movistar/discover.ts";
import type { GuideDay } from "../../../providers/movistar/discovery.ts";
import type { DvbstpSegment } from "../../../providers/movistar/dvbstp.ts";
import { createGuideReceiver } from "../../../providers/movistar/guide.ts";
import { createSchedule } from "../../../providers/movistar/schedule.ts";
import { createTestClock } from "../../support/clock.ts";
import { formatSegment } from "../../support/movistar/carousel.ts";
import { formatDay } from "../../support/movistar/documents.ts";
import { makeSchedule, type WorldEvent } from "../../support/movistar/world.ts";

const minute = 60_000;
const hour = 60 * minute;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const services = [7, 8];

/** Two days, sent at once as they are when somebody listens. */
function network(start = Date.UTC(2026, 0, 1, 12, 20)) {
  const clock = createTestClock(start);
  const from = start / 1000 - 12 * 3600 - 20 * 60;
  let events: WorldEvent[] = makeSchedule(services, { from, days: 2, length: 1800 });
  const received: string[] = [];
  /** Days that send nothing until their promise resolves. */
  const held = new Map<number, Promise<void>>();
  const down = new Set<string>();
  const control = new AbortController();
  const days: readonly GuideDay[] = [0, 1].map((day) => {
    return { address: "127.0.0.1", port: 1 + day, source: `EPG_${day}`, services };
  });
  const silenced = new Set<string>();
  /** What day 1 sends after everything else. */
  const late: DvbstpSegment[] = [];
  const receive: Receive = async ({ port }, { wanted, mayLack, each }) => {
    const day = port - 1;
    received.push(`day ${day}${wanted ? ` ${[...wanted].map((key) => key.split(" ")[1]).join("+")}` : ""}`);
    await held.get(day);
    if (down.has(`EPG_${day}`)) throw new Error("no data");
    const carousel = createCarousel({ ...(wanted ? { wanted } : {}), ...(mayLack ? { mayLack } : {}) });
    for (let round = 0; round < 20 && !carousel.done; round++)
      for (const id of services) {
        const own = events.filter((event) => event.service === id && event.day === day);
        if (own.length === 0 || silenced.has(`${day} ${id}`)) continue;
        const segment = { payload: 0xf1, id, version: round % 256, bytes: formatDay(id, 1, own) };
        for (const datagram of formatSegment(segment)) {
          const whole = carousel.push(datagram);
          if (whole) each?.(whole);
        }
      }
    if (day === 1) for (const segment of late) each?.(segment);
    return carousel.segments;
  };
  const schedule = createSchedule();
  let writes = 0;
  const guide = createGuideReceiver({
    ...{
      clock,
      log: silent,
      schedule,
      receive,
      days: () => days,
      services: () => new Set(services),
      signal: control.signal,
    },
    changed: async () => writes++,
  });
  return {
    ...{ clock, guide, schedule, received, held, silenced, late, down, days, control },
    get events() {
      return events;
    },
    change: (to: WorldEvent[]) => {
      events = to;
    },
    get writes() {
      return writes;
    },
  };
}

const pids = (all: readonly { readonly pid: number }[]) => all.map(({ pid }) => pid);
const whole = ({ schedule }: ReturnType<typeof network>, service: number) =>
  pids(schedule.between(service, 0, Number.POSITIVE_INFINITY));

test("a guide without gaps is received once, and nothing is asked for twice", async () => {
  const net = network();
  await net.guide.receive();
  assert.deepEqual(net.received, ["day 0 7+8", "day 1 7+8"]);
  assert.equal(net.guide.gaps, 0);
  assert.equal(net.guide.receivedAt, net.clock.now());
  for (const id of services) assert.deepEqual(whole(net, id), pids(net.events.filter(({ service }) => service === id)));
  await net.clock.advance(5 * minute);
  assert.equal(net.received.length, 2);
});

test("what is missing until soon is received again, of that service and day alone, until it is there", async () => {
  const net = network();
  const all = net.events;
  const now = net.clock.now() / 1000;
  const gone = all.find(({ service, start }) => service === 8 && start > now);
  assert.ok(gone);
  net.change(all.filter((event) => event !== gone));
  // At the very first the rest is not kept waiting.
  await net.guide.receive();
  assert.equal(net.guide.gaps, 1);
  assert.equal(net.schedule.at(8, gone.start * 1000), undefined);
  net.change(all);
  // But whoever comes now waits for it.
  const later = net.guide.receive().then(() => net.schedule.at(8, gone.start * 1000)?.pid);
  const others: number[] = [];
  const alike = (async () => {
    for await (const service of net.guide.services()) others.push(service);
  })();
  await net.clock.advance(15_000);
  assert.equal(await later, gone.pid);
  await alike;
  assert.deepEqual(others, []);
  assert.deepEqual(net.received.slice(2), ["day 0 8"]);
  assert.equal(net.schedule.at(8, gone.start * 1000)?.pid, gone.pid);
  assert.equal(net.guide.gaps, 0);
  assert.equal(net.writes, 2);
});

test("what two rounds did not bring is not asked for a third time, and what is far away not at all", async () => {
  const net = network();
  const now = net.clock.now() / 1000;
  const later = net.events.find(({ service, start }) => service === 7 && start > now + 5 * 3600);
  const soon = net.events.find(({ service, start }) => service === 7 && start > now);
  net.change(net.events.filter((event) => event !== later));
  await net.guide.receive();
  assert.equal(net.guide.gaps, 0);
  const other = network();
  other.change(other.events.filter(({ pid }) => pid !== soon?.pid));
  await other.guide.receive();
  await other.clock.advance(10 * minute);
  assert.deepEqual(other.received.slice(2), ["day 0 7"]);
  assert.equal(other.guide.gaps, 1);
});

test("two programmes at once are a reason to look again, and until then the later one counts", async () => {
  const net = network();
  const all = net.events;
  const now = net.clock.now() / 1000;
  const index = all.findIndex(({ service, start }) => service === 7 && start > now);
  const [one, next] = [all[index], all[index + 1]];
  assert.ok(one && next);
  net.change(all.map((event) => (event === one ? { ...one, duration: one.duration + 600 } : event)));
  await net.guide.receive();
  assert.equal(net.guide.gaps, 1);
  assert.equal(net.schedule.at(7, next.start * 1000 + minute)?.pid, next.pid);
  net.change(all);
  await net.clock.advance(15_000);
  assert.equal(net.guide.gaps, 0);
});

test("programmes that run over midnight end where the next day says that another begins", async () => {
  const net = network();
  const last = net.events.findLast(({ service, day }) => service === 7 && day === 0);
  const first = net.events.find(({ service, day }) => service === 7 && day === 1);
  assert.ok(last && first);
  net.change(net.events.map((event) => (event === last ? { ...last, duration: last.duration + 60 } : event)));
  await net.guide.receive();
  await net.guide.receive();
  assert.equal(net.schedule.at(7, first.start * 1000 - 1)?.pid, last.pid);
  assert.equal(net.schedule.at(7, first.start * 1000)?.pid, first.pid);
});

test("its job works on the hour, and after a failure every quarter of a minute for a while", async () => {
  const net = network();
  await net.guide.receive();
  net.received.length = 0;
  startJobs({ guide: net.guide.job }, { clock: net.clock, log: silent, signal: net.control.signal });
  await net.clock.advance(39 * minute);
  assert.equal(net.received.length, 0);
  await net.clock.advance(minute + 5000);
  assert.deepEqual(net.received, ["day 0 7+8", "day 1 7+8"]);
  assert.ok((net.guide.receivedAt ?? 0) - Date.UTC(2026, 0, 1, 13) < 5000);
  for (const { source } of net.days) net.down.add(source);
  net.received.length = 0;
  await net.clock.advance(hour);
  // The first try on the hour, then five more.
  await net.clock.advance(3 * minute);
  assert.equal(net.received.length, 12);
  for (const { source } of net.days) net.down.delete(source);
  await net.clock.advance(hour);
  assert.equal(net.received.length, 14);
  assert.ok((net.guide.receivedAt ?? 0) - Date.UTC(2026, 0, 1, 15) < 5000);
  net.control.abort();
  await net.clock.advance(minute);
  assert.equal(net.clock.sleeping, 0);
});

test("at first a service is given as soon as all of its days are there, and others at the end", async () => {
  const net = network();
  const later = Promise.withResolvers<void>();
  net.held.set(1, later.promise);
  net.silenced.add("1 8");
  const given: number[] = [];
  const ended = (async () => {
    for await (const service of net.guide.services()) {
      given.push(service);
      assert.deepEqual(
        whole(net, service),
        pids(net.events.filter((event) => event.service === service && (service === 7 || event.day === 0))),
      );
    }
  })();
  await net.clock.advance(minute);
  assert.deepEqual(given, []);
  // Whoever comes now is no later comer: it was cold when this round began.
  const joined = net.guide.receive();
  later.resolve();
  await ended;
  await joined;
  assert.deepEqual(given, [7, 8]);
  for await (const service of net.guide.services()) assert.fail(`service ${service} was given again`);
});

test("a day that comes again, newer, is in the schedule though its service was given before", async () => {
  const net = network();
  const newer = net.events
    .filter(({ service, day }) => service === 7 && day === 1)
    .map((event) => ({ ...event, title: `${event.title} II` }));
  net.late.push({ payload: 0xf1, segment: 7, version: 200, bytes: formatDay(7, 1, newer) });
  const titles: (string | undefined)[] = [];
  const titleOf = () => net.schedule.at(7, (newer[0]?.start ?? 0) * 1000)?.title;
  for await (const service of net.guide.services()) if (service === 7) titles.push(titleOf());
  titles.push(titleOf());
  assert.match(titles.at(-1) ?? "", / II$/);
  assert.equal(titles.length, 2);
});

test("whoever leaves early keeps nobody from the rest, and comes again to a schedule that is known", async () => {
  const net = network();
  for await (const service of net.guide.services()) {
    assert.equal(service, 7);
    break;
  }
  await net.guide.receive();
  for (const id of services) assert.deepEqual(whole(net, id), pids(net.events.filter(({ service }) => service === id)));
  assert.equal(net.received.length, 2);
});

test("services of a guide that does not come are an error too", async () => {
  const net = network();
  for (const { source } of net.days) net.down.add(source);
  await assert.rejects(net.guide.services().next(), /no data/);
});

test("when nothing comes and nothing was known, that is an error; one day that is missing costs that day", async () => {
  const net = network();
  for (const { source } of net.days) net.down.add(source);
  await assert.rejects(net.guide.receive(), /no data/);
  assert.equal(net.guide.receivedAt, undefined);
  net.down.delete("EPG_0");
  await net.guide.receive();
  assert.deepEqual(whole(net, 7), pids(net.events.filter(({ service, day }) => service === 7 && day === 0)));
});
