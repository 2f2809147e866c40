// A person's editor and plugins change the config file at the same moment: neither loses anything.
import assert from "node:assert/strict";
import { open, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { systemClock } from "../../core/clock.ts";
import { until } from "../support/host.ts";
import { assembly, file, hostOf, onDisk, prepare, start, text } from "./following.ts";

prepare();

describe("createFollower() beside an editor", () => {
  it("loses nothing when many change it at once, a person among them", async () => {
    await start(text);
    const { config } = hostOf("one");
    const adding = Array.from({ length: 20 }, (_, i) =>
      config.change([{ path: ["items", `c${i}`], value: `http://up.example/${i}` }]),
    );
    // The person's editor does not wait for us; its edits are of lines that nobody else touches.
    await until(async () => (await onDisk()).includes("c3:"), "some are added");
    const results = Promise.allSettled(adding);
    await writeFile(file, `${await onDisk()}# a note\n`);
    for (const result of await results) assert.deepEqual(result, { status: "fulfilled", value: undefined });
    const after = await onDisk();
    assert.match(after, /# a note/);
    // What was added between the person's reading and writing is gone by the person's own doing: it cannot be more than one.
    const kept = Array.from({ length: 20 }, (_, i) => i).filter((i) => after.includes(`c${i}:`)).length;
    assert.ok(kept >= 19, `${kept} of 20 are there`);
  });

  it("waits for an editor that empties the file and then writes it", async () => {
    await start(text);
    for (const id of ["attic", "cellar", "door2"]) {
      const editor = await open(file, "r+");
      await editor.truncate(0);
      const adding = hostOf("one").config.change([{ path: ["items", id], value: `http://up.example/${id}` }]);
      await systemClock.sleep(40);
      await editor.write(`${text}# of ${id}\n`, 0);
      await editor.close();
      await adding;
      const after = await onDisk();
      assert.match(after, new RegExp(`# of ${id}`));
      assert.match(after, new RegExp(`${id}: http`));
    }
  });

  it("refuses to build on a file that stays empty, and leaves it to whoever writes it", async () => {
    await start(text);
    const editor = await open(file, "r+");
    await editor.truncate(0);
    const adding = hostOf("playlist").config.change([{ path: ["items", "attic"], value: "http://up.example/attic" }]);
    await assert.rejects(adding, { code: "config.broken", message: /is empty just now/ });
    await editor.write(text, 0);
    await editor.close();
    assert.equal(await onDisk(), text);
    assert.equal(assembly.supervisor.instances.get("two")?.state, "ok");
  });
});
