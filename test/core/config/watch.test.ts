// watchConfig(): notices every way in which a file is changed, by events and without them.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "../../../core/clock.ts";
import { watchConfig } from "../../../core/config/watch.ts";
import { createTestClock } from "../../support/clock.ts";

let folder = "";
let controller = new AbortController();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-watch-"));
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await rm(folder, { recursive: true, force: true });
});

/** Counts calls; `next()` resolves with the next one. */
function createCounter() {
  let calls = 0;
  let wake = () => {};
  return {
    call: () => {
      calls++;
      wake();
    },
    get calls() {
      return calls;
    },
    next: () => new Promise<void>((resolve) => (wake = resolve)),
  };
}

describe("watchConfig() with the events of the system", () => {
  // The poll is out of reach: what is noticed here came by an event.
  const options = () => ({ clock: systemClock, signal: controller.signal, poll: 3_600_000, settle: 5 });

  async function noticed(file: string, change: () => Promise<void>) {
    const counter = createCounter();
    await watchConfig(file, counter.call, options());
    const next = counter.next();
    await change();
    await next;
    assert.equal(counter.calls, 1);
  }

  it("notices a file that is written again", async () => {
    const file = join(folder, "headend.yaml");
    await writeFile(file, "a");
    await noticed(file, () => writeFile(file, "b"));
  });

  it("notices a file that an editor replaces by rename", async () => {
    const file = join(folder, "headend.yaml");
    await writeFile(file, "a");
    await noticed(file, async () => {
      await rename(file, `${file}~`);
      await writeFile(`${file}.new`, "b");
      await rename(`${file}.new`, file);
    });
  });

  it("notices links that are moved, as Kubernetes does", async () => {
    for (const [name, text] of [
      ["v1", "a"],
      ["v2", "b"],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "headend.yaml"), text);
    }
    await symlink("v1", join(folder, "..data"));
    await symlink("..data/headend.yaml", join(folder, "headend.yaml"));
    await noticed(join(folder, "headend.yaml"), async () => {
      await symlink("v2", join(folder, "..tmp"));
      await rename(join(folder, "..tmp"), join(folder, "..data"));
    });
  });

  it("notices a file that comes late", async () => {
    const file = join(folder, "headend.yaml");
    await noticed(file, () => writeFile(file, "a"));
  });
});

describe("watchConfig() without events", () => {
  it("looks at the file by itself, and calls back only for other content", async () => {
    const clock = createTestClock();
    const file = join(folder, "headend.yaml");
    await writeFile(file, "a");
    const counter = createCounter();
    // A settle that never ends leaves only the poll.
    await watchConfig(file, counter.call, { clock, signal: controller.signal, poll: 1000, settle: 1e9 });
    const next = counter.next();
    await writeFile(file, "b");
    await clock.advance(1000);
    await next;
    await rm(file);
    await clock.advance(5000);
    await writeFile(file, "b");
    await clock.advance(5000);
    assert.equal(counter.calls, 1);
  });

  it("notices that what we wrote is gone, though what stands there was seen before", async () => {
    const clock = createTestClock();
    const file = join(folder, "headend.yaml");
    await writeFile(file, "a");
    const counter = createCounter();
    let written: string | undefined;
    const options = { clock, signal: controller.signal, poll: 1000, settle: 1e9, written: () => written };
    await watchConfig(file, counter.call, options);
    // We wrote "b", and somebody put "a" back before anybody looked.
    written = "b";
    const next = counter.next();
    await clock.advance(1000);
    await next;
    written = undefined;
    await clock.advance(5000);
    assert.equal(counter.calls, 1);
  });

  it("works where the folder is not there yet, and stops with its signal", async () => {
    const clock = createTestClock();
    const counter = createCounter();
    await watchConfig(join(folder, "none", "headend.yaml"), counter.call, { clock, signal: controller.signal });
    assert.equal(clock.sleeping, 1);
    controller.abort();
    await clock.advance(100_000);
    assert.deepEqual([clock.sleeping, counter.calls], [0, 0]);
  });
});
