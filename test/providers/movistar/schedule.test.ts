// The index of what was shown: new announcements over old ones, overlaps, gaps, the past, and a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EpgEvent } from "../../../providers/movistar/epg.ts";
import { createSchedule, restoreSchedule, type Schedule } from "../../../providers/movistar/schedule.ts";

const at = 1_640_991_600;
const event = (pid: number, minute: number, minutes: number): EpgEvent => ({
  ...{ pid, start: at + minute * 60, duration: minutes * 60, genre: 0x10, age: 0, title: `T${pid}` },
  ...{ seriesId: 0, series: "", season: 0, episode: 0, year: 2012 },
});
const time = (minute: number) => (at + minute * 60) * 1000;
const all = (schedule: Schedule) =>
  schedule.between(1, 0, Number.POSITIVE_INFINITY).map(({ pid, start, stop }) => {
    return [pid, (start / 1000 - at) / 60, (stop / 1000 - at) / 60];
  });

function scheduled(...events: EpgEvent[]): Schedule {
  const schedule = createSchedule();
  schedule.put(1, events);
  return schedule;
}

test("a programme that overlaps the next one ends where that begins; of two at once the last announced counts", () => {
  const schedule = scheduled(event(1, 0, 40), event(3, 60, 30), event(2, 30, 30), event(4, 60, 20));
  assert.deepEqual(all(schedule), [
    [1, 0, 30],
    [2, 30, 60],
    [4, 60, 80],
  ]);
});

test("what is announced for all times to come is not kept without end", () => {
  const schedule = scheduled(...Array.from({ length: 8000 }, (_, n) => event(n + 1, n * 5, 5)));
  const later = Array.from({ length: 8000 }, (_, n) => event(n + 10_000, 50_000 + n * 5, 5));
  schedule.put(1, later);
  assert.equal(schedule.size, 10_000);
  assert.equal(schedule.at(1, time(1))?.pid, 1);
});

test("new announcements replace the old within their span, and the rest stays, also in their gaps", () => {
  const schedule = scheduled(event(1, 0, 30), event(2, 30, 30), event(3, 60, 30), event(4, 90, 30), event(5, 120, 30));
  schedule.put(1, [event(12, 30, 35), event(14, 95, 30)]);
  assert.deepEqual(all(schedule), [
    [1, 0, 30],
    [12, 30, 65],
    [14, 95, 125],
  ]);
  schedule.put(1, [event(21, -30, 10), event(22, 200, 10)]);
  assert.deepEqual(
    all(schedule).map(([pid]) => pid),
    [21, 1, 12, 14, 22],
  );
});

test("at(), from() and between() find what is there, and nothing in gaps", () => {
  const schedule = scheduled(event(1, 0, 30), event(2, 60, 30));
  const pids = [0, 29, 30, 59, 60, 89, 90].map((minute) => schedule.at(1, time(minute))?.pid);
  assert.deepEqual(pids, [1, 1, undefined, undefined, 2, 2, undefined]);
  assert.equal(schedule.from(1, time(30))?.pid, 2);
  assert.equal(schedule.from(1, time(60))?.pid, 2);
  assert.equal(schedule.from(1, time(61)), undefined);
  assert.deepEqual(
    schedule.between(1, time(29), time(61)).map(({ pid }) => pid),
    [1, 2],
  );
  assert.equal(schedule.at(2, time(0)), undefined);
});

test("forget() drops what ended, and a restart restores the rest", () => {
  const schedule = scheduled(event(1, 0, 30), event(2, 30, 30));
  schedule.forget(time(30));
  const again = createSchedule();
  restoreSchedule(again, `${[...schedule.lines()].join("")}no JSON\n`);
  assert.deepEqual(all(again), [[2, 30, 60]]);
  assert.deepEqual(again.at(1, time(40)), schedule.at(1, time(40)));
  assert.deepEqual([...again.pids()], [2]);
});
