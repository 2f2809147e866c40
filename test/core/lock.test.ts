// lockFolder(): one process at a time; the lock ends with its holder, even by kill -9.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { lockFolder } from "../../core/lock.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-test-lock-"));
});
after(() => rm(folder, { recursive: true, force: true }));

describe("lockFolder()", () => {
  it("makes the folder, refuses a second holder, and may be released twice", async () => {
    const path = join(folder, "data");
    const lock = await lockFolder(path);
    await assert.rejects(lockFolder(path), {
      code: "data.locked",
      message: /another headend is using .*data; stop it/,
    });
    lock.release();
    lock.release();
    (await lockFolder(path)).release();
  });

  it("says why a folder cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    await assert.rejects(lockFolder(join(folder, "file")), { code: "data.unwritable" });
    await assert.rejects(lockFolder(join(folder, "file", "below")), {
      code: "data.unwritable",
      message: /a file stands/,
    });
  });

  it("is free again when its holder is killed", async () => {
    const path = join(folder, "killed");
    const program = join(folder, "holder.ts");
    await writeFile(
      program,
      `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, "../../core/lock.ts"))};
       await lockFolder(${JSON.stringify(path)});
       console.log("locked");
       setInterval(() => {}, 1000);`,
    );
    const flags = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
    const holder = spawn(process.execPath, [...flags, program], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(holder.stdout, "data");
      await assert.rejects(lockFolder(path), { code: "data.locked" });
    } finally {
      holder.kill("SIGKILL");
      await once(holder, "close");
    }
    (await lockFolder(path)).release();
  });
});
