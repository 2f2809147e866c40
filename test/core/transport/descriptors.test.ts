// A machine that is out of file descriptors: a sentence for what cannot be opened, and nothing that stays broken.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { mediaMissing } from "../../support/media.ts";

const skip = process.platform === "win32" ? "needs a shell that limits descriptors" : mediaMissing;

test("dialling without file descriptors fails with a sentence, and works again when there are some", { skip }, () => {
  const child = join(import.meta.dirname, "descriptors-child.ts");
  const runtime = process.versions.bun ? [child] : ["run", "-A", "--no-check", child];
  const limited = ["-c", 'ulimit -n 120 && exec "$@"', "sh", process.execPath, ...runtime];
  const { stdout, stderr } = spawnSync("sh", limited, { encoding: "utf8", timeout: 30_000 });
  assert.equal(stdout, "it works\n", stderr);
});
