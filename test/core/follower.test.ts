// Changes of the config file that instances ask for: in force when they resolve, and never at somebody else's cost.
import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { until } from "../support/host.ts";

import { assembly, file, folder, hostOf, hosts, listed, onDisk, prepare, setUps, start, text } from "./following.ts";

prepare();

describe("createFollower()", () => {
  it("puts a change in force before it resolves, without a restart where the plugin takes it", async () => {
    await start(text);
    await hostOf("one").config.change([
      { path: ["items", "attic"], value: "http://up.example/attic" },
      { path: ["items", "yard"], value: undefined },
    ]);
    assert.deepEqual(listed("one").sort(), ["attic", "door"]);
    assert.deepEqual([setUps("one"), setUps("two")], [1, 1]);
    const changed = text.replace("yard: http://up.example/yard   # windy", "attic: http://up.example/attic");
    assert.equal(await onDisk(), changed);
    assert.deepEqual(await hostOf("one").config.read(), {
      use: "shelf",
      items: { door: "http://up.example/door", attic: "http://up.example/attic" },
    });
  });

  it("restarts an instance that does not take it, and no other", async () => {
    await start(text);
    await hostOf("two").config.change([{ path: ["items", "shed"], value: "http://up.example/shed" }]);
    assert.deepEqual([setUps("one"), setUps("two")], [1, 2]);
    await hostOf("one").config.change([{ path: ["stubborn"], value: true }]);
    assert.deepEqual([setUps("one"), setUps("two")], [2, 2]);
    await hostOf("one").config.change([{ path: ["linger"], value: "9s" }]);
    assert.equal(setUps("one"), 3, "a key of core's wants a restart");
  });

  it("believes that there are no channels any more, and that many are gone", async () => {
    await start(undefined);
    const items = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`c${i}`, `http://up.example/${i}`]));
    await assembly.close();
    await start(`instances: { one: { use: shelf, items: ${JSON.stringify(items)} } }`);
    await until(() => listed("one").length === 30, "all are listed");
    await hostOf("one").config.change([{ path: ["items"], value: { c1: "http://up.example/1" } }]);
    assert.deepEqual(listed("one"), ["c1"]);
    await hostOf("one").config.change([{ path: ["items"], value: undefined }]);
    assert.deepEqual(listed("one"), []);
    assert.equal(assembly.supervisor.instances.get("one")?.state, "ok");
  });

  it("writes nothing that is not right, and says why", async () => {
    await start(text);
    const { config } = hostOf("one");
    const wrong = [
      [["items", "attic"], "no address", /headend\.yaml:\d+:\d+ instances\.one\.items\.attic/],
      [["items", "attic"], `http://up.example/${"x".repeat(2 ** 22)}`, /is larger than 4 MiB/],
      [["itmes"], {}, /instances\.one\.itmes: unknown key/],
      [["use"], "nonsense", /no plugin is called nonsense/],
      [["items", "door", "url"], "x", /instances\.one\.items\.door: what stands there has no keys/],
    ] as const;
    for (const [path, value, message] of wrong)
      await assert.rejects(config.change([{ path, value }]), { code: "config.usage", message });
    assert.equal(await onDisk(), text);
    assert.equal(setUps("one"), 1);
  });

  it("leaves a file alone that is not right as it is, and takes it up when it is mended", async () => {
    await start(text);
    const add = () => hostOf("one").config.change([{ path: ["items", "attic"], value: "http://up.example/attic" }]);
    for (const broken of [`${text}nonsense: 1\n`, "instances: [", "\ttab: 1\n"]) {
      await writeFile(file, broken);
      await assert.rejects(add(), { code: "config.broken", message: /headend\.yaml:\d/ });
      assert.equal(await onDisk(), broken);
    }
    await writeFile(file, text.replace("# my", "# our"));
    await add();
    assert.match(await onDisk(), /# our headend[\s\S]*attic/);
  });

  it("says so when what was written could not be put in force", async () => {
    await start(text);
    const { supervisor } = assembly;
    const { apply } = supervisor;
    let left = 1;
    Object.assign(supervisor, {
      async apply(...args: Parameters<typeof apply>) {
        if (left-- > 0) throw new Error("not in force");
        return await apply(...args);
      },
    });
    const change = hostOf("one").config.change([{ path: ["items", "attic"], value: "http://up.example/attic" }]);
    await assert.rejects(change, /not in force/);
  });

  it("makes the file where it is looked for when there is none", async () => {
    await start(undefined);
    const { config } = hostOf("playlist");
    assert.equal(await config.read(), undefined);
    await config.change([{ path: ["items", "door"], value: "http://up.example/door" }]);
    const made = join(folder, "home/.config/headend/headend.yaml");
    assert.equal(
      await readFile(made, "utf8"),
      "instances:\n  playlist:\n    items:\n      door: http://up.example/door\n",
    );
    assert.equal((await stat(made)).mode & 0o777, 0o600);
    assert.deepEqual(await hostOf("playlist").config.read(), { items: { door: "http://up.example/door" } });
  });

  it("refuses where the environment is the config", async () => {
    const env = { TARGET_URL: "http://127.0.0.1:9/x.m3u", USERNAME: "u", PASSWORD: "p", PUBLIC_URL: "http://tv.lan" };
    await start(undefined, Object.fromEntries(Object.entries(env).map(([key, value]) => [`PZ8_RELAY_${key}`, value])));
    const host = hosts.find(({ use }) => use === "m3u")?.host ?? assert.fail("nothing was set up");
    await assert.rejects(host.config.change([{ path: ["items"], value: {} }]), { code: "config.fileless" });
    assert.equal(await host.config.read(), undefined);
  });

  it("makes no new file in place of one that is away for a moment", async () => {
    await start(text);
    const add = () => hostOf("one").config.change([{ path: ["items", "attic"], value: "http://up.example/attic" }]);
    await rename(file, `${file}~`);
    await assert.rejects(add(), { code: "config.broken", message: /headend\.yaml does not exist/ });
    await assert.rejects(onDisk(), { code: "ENOENT" });
    assert.deepEqual(
      [...assembly.supervisor.instances.keys()].filter((name) => name === "two"),
      ["two"],
    );
    await rename(`${file}~`, file);
    await add();
    assert.match(await onDisk(), /attic/);
  });

  it("keeps the byte order mark that some editors begin a file with", async () => {
    await start(`\uFEFF${text}`);
    await hostOf("one").config.change([{ path: ["items", "door"], value: "http://up.example/2" }]);
    assert.equal(await onDisk(), `\uFEFF${text.replace("example/door", "example/2")}`);
  });

  it("takes away what a process that was killed left beside the file, and nothing else", async () => {
    const left = join(folder, ".0123456789abcdef.headend-partial");
    const mine = join(folder, ".mine");
    for (const path of [left, mine]) await writeFile(path, "secret");
    await start(text);
    await until(async () => !(await readdir(folder)).includes(basename(left)), "it is gone");
    assert.equal(await readFile(mine, "utf8"), "secret");
  });

  it("writes through a link, and keeps the mode", async () => {
    const target = join(folder, "elsewhere/real.yaml");
    await mkdir(join(folder, "elsewhere"));
    await writeFile(target, text);
    await chmod(target, 0o640);
    await symlink(target, file);
    await start(text);
    await hostOf("one").config.change([{ path: ["items", "door"], value: undefined }]);
    assert.ok((await lstat(file)).isSymbolicLink());
    assert.doesNotMatch(await readFile(target, "utf8"), /up\.example\/door/);
    assert.equal((await stat(target)).mode & 0o777, 0o640);
  });

  it("leaves a file alone that may not be written", { skip: process.getuid?.() === 0 }, async () => {
    await start(text);
    await chmod(file, 0o444);
    const change = hostOf("one").config.change([{ path: ["items", "door"], value: undefined }]);
    await assert.rejects(change, { code: "cache.write", message: /permission is denied/ });
    assert.equal(await onDisk(), text);
  });
});
