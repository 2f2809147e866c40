// The budget of lines: a source file that outgrows 300 either becomes a folder, or gets a line here with its reason.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSources } from "./support/source.ts";

const budget = 300;

/** Files that may be longer, how long, and why splitting them would be worse. */
const raised: Readonly<Record<string, readonly [lines: number, reason: string]>> = {};

const files = readSources("core", "plugins", "providers", "test").map(({ path, text }) => ({
  path,
  lines: text.split("\n").length - 1,
}));

test("no file is longer than its budget", () => {
  const over = files
    .filter(({ path, lines }) => lines > (raised[path]?.[0] ?? budget))
    .map(
      ({ path, lines }) => `${path} has ${lines} lines: split it by noun, or raise it to [${lines}, "<reason>"] here`,
    );
  assert.equal(over.length, 0, `\n${over.join("\n")}\n`);
});

test("no budget is raised for a file that does not need it", () => {
  const needless = Object.keys(raised).filter(
    (path) => !files.some((file) => file.path === path && file.lines > budget),
  );
  assert.deepEqual(needless, [], "these fit again, or are gone: delete their lines");
});
