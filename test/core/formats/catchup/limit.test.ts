// How far back a channel may be asked for, and what is said to who asks for more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findCatchupFault } from "../../../../core/formats/catchup.ts";

const now = Date.UTC(2026, 2, 8, 12);
const day = 86_400_000;

test("findCatchupFault() allows what catch-up-days hold, and as long as a player takes to ask", () => {
  const channel = { catchup: { mode: "shift", days: 7 } };
  for (const at of [now, now - 1000, now - 7 * day, now - 7 * day - 60_000])
    assert.equal(findCatchupFault(channel, at, now), undefined);
  assert.equal(findCatchupFault({ catchup: { mode: "shift" } }, 0, now), undefined);
});

test("findCatchupFault() allows what is kept here, and what upstream keeps, whichever is more", () => {
  const hours = { timeshift: 2 * 3_600_000 };
  assert.equal(findCatchupFault(hours, now - 7_000_000, now), undefined);
  assert.equal(
    findCatchupFault(hours, now - day, now),
    "keeps 2h, since 2026-03-08 10:00 UTC; 2026-03-07 12:00 UTC is too long ago",
  );
  assert.equal(findCatchupFault({ ...hours, catchup: { mode: "shift", days: 7 } }, now - 6 * day, now), undefined);
  assert.equal(
    findCatchupFault({ timeshift: 3 * day, catchup: { mode: "shift", days: 1 } }, now - 2 * day, now),
    undefined,
  );
  assert.equal(findCatchupFault({ timeshift: 0 }, now - 1000, now), "has no catch-up");
});

test("findCatchupFault() says in a sentence what cannot be had", () => {
  const week = { catchup: { mode: "shift", days: 7 } };
  assert.equal(
    findCatchupFault(week, now - 8 * day, now),
    "keeps 7 days, since 2026-03-01 12:00 UTC; 2026-02-28 12:00 UTC is too long ago",
  );
  assert.match(findCatchupFault({ catchup: { mode: "xc", days: 1 } }, now - 2 * day, now) ?? "", /^keeps a day, /);
  assert.equal(findCatchupFault(week, now + 60_000, now), "2026-03-08 12:01 UTC is yet to come");
  assert.equal(findCatchupFault({}, now - 1000, now), "has no catch-up");
});
