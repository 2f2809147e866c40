// Password hashes: the standard's own vector, hostile texts, and work that is bounded.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  createDearWork,
  formatPasswordHash,
  hashPassword,
  isHashLike,
  matchesHash,
  parsePasswordHash,
} from "../../../core/server/passwords.ts";

test("matchesHash() agrees with the standard (RFC 7914 §12)", async () => {
  const hash = Buffer.from(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    "hex",
  );
  const known = parsePasswordHash(
    formatPasswordHash({ ln: 14, r: 8, p: 1, salt: Buffer.from("SodiumChloride"), hash }),
  );
  assert.ok(known);
  assert.ok(await matchesHash(known, "pleaseletmein"));
  for (const wrong of ["pleaseletmei", "pleaseletmein ", "", "Pleaseletmein"])
    assert.ok(!(await matchesHash(known, wrong)), wrong);
});

test("hashPassword() salts, and takes either way to type a letter", async () => {
  const [one, two] = [await hashPassword("caf\u00e9"), await hashPassword("caf\u00e9")];
  assert.notEqual(one, two);
  assert.ok(isHashLike(one));
  const known = parsePasswordHash(one);
  assert.ok(known && (await matchesHash(known, "cafe\u0301")));
});

describe("parsePasswordHash()", () => {
  test("reads back what formatPasswordHash() writes", () => {
    const bytes = (minLength: number, maxLength: number) =>
      fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(
        fc.record({
          ln: fc.integer({ min: 10, max: 16 }),
          r: fc.integer({ min: 1, max: 16 }),
          p: fc.integer({ min: 1, max: 16 }),
          salt: bytes(9, 64),
          hash: bytes(17, 64),
        }),
        (known) => assert.deepEqual(parsePasswordHash(formatPasswordHash(known)), { ...known }),
      ),
    );
  });

  test("refuses what is none, too weak, or too dear", async () => {
    const good = await hashPassword("x");
    assert.ok(parsePasswordHash(good));
    for (const bad of [
      good.replace("ln=15", "ln=9"),
      good.replace("ln=15", "ln=30"),
      good.replace("r=8", "r=999"),
      good.replace("p=1", "p=0"),
      good.replace("p=1", "p=99"),
      good.replace("ln=15,", ""),
      good.slice(0, -30),
      `${good} `,
      `${good}\n`,
      good.replace("$scrypt$", "$argon2id$"),
      "$scrypt$",
    ])
      assert.equal(parsePasswordHash(bad), undefined, bad);
    fc.assert(fc.property(fc.string(), (text) => parsePasswordHash(`$scrypt$${text}`) === undefined));
  });
});

test("createDearWork() runs one at a time, and refuses who wants too much", async () => {
  const work = createDearWork({ client: 2, all: 5 });
  let running = 0;
  let most = 0;
  const one = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  };
  const refused = (client: string) => assert.rejects(work.run(client, one), { code: "access.busy" });
  const begun = ["a", "a", "b", "b", "c"].map((client) => work.run(client, one));
  await Promise.all([refused("a"), refused("d")]);
  await assert.rejects(
    Promise.all([...begun]).then(() => work.run("a", () => Promise.reject(new Error("no")))),
    { message: "no" },
  );
  await Promise.all(["d", "a", "a"].map((client) => work.run(client, one)));
  assert.equal(most, 1);
});
