// The stand-in folder: always the same one, private, and never one that somebody else prepared.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findStandIn, makeStandIn } from "../../core/stand-in.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-test-stand-in-"));
});
after(() => rm(folder, { recursive: true, force: true }));

describe("makeStandIn()", () => {
  it("is the same private folder every time for one folder, and is found again", async () => {
    const wanted = join(folder, "data");
    assert.equal(await findStandIn(wanted), undefined);
    const path = await makeStandIn(wanted);
    try {
      assert.equal(await makeStandIn(`${wanted}/`), path);
      assert.equal(await findStandIn(wanted), path);
      assert.equal((await stat(path)).mode & 0o777, 0o700);
    } finally {
      await rm(path, { recursive: true });
    }
  });

  it("refuses a place that others can fill", async () => {
    const wanted = join(folder, "trap");
    const path = await makeStandIn(wanted);
    try {
      await chmod(path, 0o777);
      assert.equal(await findStandIn(wanted), undefined);
      await assert.rejects(makeStandIn(wanted), { code: "data.unwritable", message: /belongs to somebody else/ });
      await rm(path, { recursive: true });
      await symlink(folder, path);
      assert.equal(await findStandIn(wanted), undefined);
      await assert.rejects(makeStandIn(wanted), { code: "data.unwritable" });
    } finally {
      await rm(path);
    }
  });
});
