// What streams may hold at once: who waits, who gives way, and in which order.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import {
  type Claim,
  createLedger,
  Full,
  type Lease,
  type Ledger,
  type Loss,
  type Want,
} from "../../../core/hub/ledger.ts";

const never = new AbortController().signal;
const tuner = (limit: number, key = "tuners"): Want => ({ key, amount: 1, limit });

/** A claim of which is known whether it was told to give way. */
function claimOf(wants: readonly Want[], o: Partial<Loss> & { by?: string } = {}) {
  const claim = {
    wants,
    rank: o.rank ?? 3,
    client: o.by,
    evicted: 0,
    loss: (): Loss => ({
      rank: o.rank ?? 3,
      viewers: o.viewers ?? 1,
      ...(o.by === undefined ? {} : { client: o.by }),
      since: o.since ?? 0,
    }),
    evict() {
      claim.evicted++;
    },
  };
  return claim satisfies Claim;
}

/** What became of a claim by now. */
async function stateOf(claiming: Promise<Lease>): Promise<"granted" | "refused" | "waits"> {
  let state: "granted" | "refused" | "waits" = "waits";
  claiming.then(
    () => (state = "granted"),
    () => (state = "refused"),
  );
  await setImmediate();
  return state;
}

/** Holders of the one tuner, a claimant, and whether it gets it by their giving way. */
const rows: readonly [
  what: string,
  holder: Partial<Loss> & { by?: string },
  claimant: { rank?: number; by?: string },
  yields: boolean,
][] = [
  ["nobody watches it", { viewers: 0, rank: 0 }, { rank: 1 }, true],
  ["the same client watches it", { by: "tv" }, { by: "tv" }, true],
  ["another client watches it", { by: "tv" }, { by: "phone" }, false],
  ["two clients watch it", { viewers: 2 }, { by: "tv" }, false],
  ["a recording has it and a viewer wants it", { rank: 2, by: "recorder" }, { rank: 3, by: "tv" }, true],
  ["a viewer has it and a recording wants it", { rank: 3, by: "tv" }, { rank: 2, by: "recorder" }, false],
  ["a probe has it and a recording wants it", { rank: 1 }, { rank: 2 }, true],
  ["a recording has it and another wants it", { rank: 2 }, { rank: 2 }, false],
  ["neither says who it is", {}, {}, false],
];

describe("createLedger()", () => {
  for (const [what, holder, claimant, yields] of rows)
    test(`${yields ? "takes" : "does not take"} the last tuner away when ${what}`, async () => {
      const ledger = createLedger();
      const held = claimOf([tuner(1)], holder);
      const lease = await ledger.claim(held, never);
      const claiming = ledger.claim(claimOf([tuner(1)], claimant), never);
      assert.equal(await stateOf(claiming), yields ? "waits" : "refused");
      assert.equal(held.evicted, yields ? 1 : 0);
      assert.equal(ledger.used("tuners"), 1);
      lease.release();
      if (!yields) {
        await assert.rejects(claiming, Full);
        assert.equal(ledger.used("tuners"), 0);
        return;
      }
      (await claiming).release();
      assert.equal(ledger.used("tuners"), 0);
    });

  test("takes the least loss: nobody's, then the claimant's own, then the lowest, fewest, youngest", async () => {
    const ledger = createLedger();
    const order = [
      claimOf([tuner(6)], { viewers: 0, rank: 0, since: 9 }),
      claimOf([tuner(6)], { by: "tv", since: 8 }),
      claimOf([tuner(6)], { rank: 1, since: 7 }),
      claimOf([tuner(6)], { rank: 2, viewers: 1, since: 6 }),
      claimOf([tuner(6)], { rank: 2, viewers: 2, since: 5 }),
      claimOf([tuner(6)], { rank: 2, viewers: 2, since: 4 }),
    ];
    for (const claim of [3, 5, 1, 0, 4, 2].flatMap((index) => order[index] ?? [])) await ledger.claim(claim, never);
    for (const [index, claim] of order.entries()) {
      // Two that wait for one client would take from each other.
      const by = index === 1 ? "tv" : `client ${index}`;
      ledger.claim(claimOf([tuner(6)], { by }), never).catch(() => {});
      assert.deepEqual(
        order.map(({ evicted }) => evicted),
        order.map((_, at) => (at <= index ? 1 : 0)),
      );
      assert.equal(claim.evicted, 1);
    }
    await assert.rejects(ledger.claim(claimOf([tuner(6)], { by: "phone" }), never), Full);
  });

  test("grants all wants or none, and evicts nobody when that cannot help", async () => {
    const ledger = createLedger();
    const lesser = claimOf([tuner(1, "a")], { rank: 1 });
    const equal = claimOf([tuner(1, "b")]);
    const [lease] = await Promise.all([ledger.claim(lesser, never), ledger.claim(equal, never)]);
    await assert.rejects(ledger.claim(claimOf([tuner(1, "a"), tuner(1, "b")]), never), /b: 1 of 1 in use/);
    assert.deepEqual([lesser.evicted, equal.evicted], [0, 0]);
    lease.release();
    assert.deepEqual(ledger.all(), new Map([["b", 1]]));
  });

  test("takes as many as are needed for bandwidth, and counts what is coming free already", async () => {
    const ledger = createLedger();
    const bits = (amount: number): Want => ({ key: "bits", amount, limit: 20 });
    const small = [1, 2, 3].map((since) => claimOf([bits(6)], { rank: 2, since }));
    const leases = await Promise.all(small.map((claim) => ledger.claim(claim, never)));
    const wide = ledger.claim(claimOf([bits(12)]), never);
    assert.deepEqual(
      small.map(({ evicted }) => evicted),
      [0, 1, 1],
      "the youngest two suffice",
    );
    const next = ledger.claim(claimOf([bits(2)]), never);
    assert.deepEqual(
      small.map(({ evicted }) => evicted),
      [0, 1, 1],
      "what comes free is enough for both",
    );
    leases[2]?.release();
    assert.deepEqual([await stateOf(wide), await stateOf(next)], ["waits", "waits"], "nobody overtakes");
    leases[1]?.release();
    assert.deepEqual([await stateOf(wide), await stateOf(next)], ["granted", "granted"]);
    assert.equal(ledger.used("bits"), 20);
  });

  test("gives what comes free to the last wish of one client, not to one it has given up", async () => {
    const ledger = createLedger();
    const lease = await ledger.claim(claimOf([tuner(1)], { by: "tv", since: 1 }), never);
    const control = new AbortController();
    const second = claimOf([tuner(1)], { by: "tv", since: 2 });
    second.evict = () => control.abort(new Error("zapped on"));
    const waits = assert.rejects(ledger.claim(second, control.signal), /zapped on/);
    const third = ledger.claim(claimOf([tuner(1)], { by: "tv", since: 3 }), never);
    await waits;
    lease.release();
    assert.equal(await stateOf(third), "granted");
  });

  test("does not promise what comes free twice", async () => {
    const ledger = createLedger();
    const first = claimOf([tuner(1)], { rank: 1 });
    const lease = await ledger.claim(first, never);
    const one = ledger.claim(claimOf([tuner(1)], { rank: 3, by: "tv" }), never);
    await assert.rejects(ledger.claim(claimOf([tuner(1)], { rank: 3, by: "phone" }), never), Full);
    lease.release();
    assert.equal(await stateOf(one), "granted");
  });

  test("lets the next in line have what a claimant that gave up was waiting for", async () => {
    const ledger = createLedger();
    const held = [claimOf([tuner(2)], { rank: 1 }), claimOf([tuner(2)], { rank: 1 })];
    const leases = await Promise.all(held.map((claim) => ledger.claim(claim, never)));
    const control = new AbortController();
    const one = ledger.claim(claimOf([tuner(2)]), control.signal);
    const two = ledger.claim(claimOf([tuner(2)]), never);
    control.abort(new Error("gave up"));
    await assert.rejects(one, /gave up/);
    leases[0]?.release();
    assert.equal(await stateOf(two), "granted");
    leases[1]?.release();
    assert.equal(ledger.used("tuners"), 1);
    await assert.rejects(ledger.claim(claimOf([tuner(2)]), AbortSignal.abort(new Error("too late"))), /too late/);
  });

  test("gives back once, however often it is told to", async () => {
    const ledger = createLedger();
    const [one] = await Promise.all([1, 2].map(() => ledger.claim(claimOf([tuner(2)]), never)));
    one?.release();
    one?.release();
    assert.equal(ledger.used("tuners"), 1);
  });

  test("refuses what is wanted beyond a limit of zero, and grants what wants nothing", async () => {
    const ledger = createLedger();
    await assert.rejects(ledger.claim(claimOf([tuner(0)]), never), Full);
    assert.equal(await stateOf(ledger.claim(claimOf([]), never)), "granted");
    assert.deepEqual(ledger.all(), new Map());
  });

  test("never grants more than there is, and forgets nobody, whatever happens", async () => {
    const step = fc.record({
      do: fc.constantFrom("claim", "claim", "release", "abort"),
      which: fc.nat(9),
      rank: fc.integer({ min: 1, max: 3 }),
      by: fc.constantFrom("tv", "phone", undefined),
      amounts: fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 4, 8, 12)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const ledger = createLedger();
        const limits = { tuners: 2, bits: 20 };
        const open: { lease?: Lease; control: AbortController; evicted: () => boolean }[] = [];
        for (const { do: what, which, rank, by, amounts } of steps) {
          if (what === "claim") await begin(ledger, open, rank, by, amounts, limits);
          const each = open[which];
          if (what === "abort") each?.control.abort(new Error("gave up"));
          if (what === "release") each?.lease?.release();
          await setImmediate();
          for (const [key, limit] of Object.entries(limits)) assert.ok(ledger.used(key) <= limit, key);
        }
        // Those that were told to give way do, until nobody waits any more.
        for (let round = 0; round < open.length + 1; round++) {
          for (const each of open) each.lease?.release();
          await setImmediate();
        }
        assert.deepEqual(ledger.all(), new Map());
        for (const { lease, control } of open) assert.ok(lease || control.signal.aborted, "everybody was answered");
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

async function begin(
  ledger: Ledger,
  open: { lease?: Lease; control: AbortController; evicted: () => boolean }[],
  rank: number,
  by: string | undefined,
  [tuners, bits]: [number, number],
  limits: { tuners: number; bits: number },
): Promise<void> {
  const wants = [
    { key: "tuners", amount: tuners, limit: limits.tuners },
    { key: "bits", amount: bits, limit: limits.bits },
  ].filter(({ amount }) => amount > 0);
  const claim = claimOf(wants, { rank, ...(by === undefined ? {} : { by }) });
  const entry: (typeof open)[number] = { control: new AbortController(), evicted: () => claim.evicted > 0 };
  ledger.claim(claim, entry.control.signal).then(
    (lease) => {
      entry.lease = lease;
    },
    (thrown: unknown) => entry.control.abort(thrown),
  );
  open.push(entry);
  await setImmediate();
}
