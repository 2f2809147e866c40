// createSubstitution(): what is filled in, what is refused, and what a refusal may say.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createSubstitution } from "../../../core/config/substitute.ts";

describe("createSubstitution()", () => {
  const env = { A: "one", EMPTY: "", NESTED: "${A}" };
  const cases: readonly [text: string, filled: string][] = [
    ["plain", "plain"],
    ["${A}-${A}", "one-one"],
    ["${EMPTY}", ""],
    ["${EMPTY:-two}", "two"],
    ["${NONE:-}", ""],
    ["${NONE:-a:-b}", "a:-b"],
    ["$${A} $A $$A", "${A} $A $$A"],
    ["${NESTED}", "${A}"],
    ["${file:none:-three}", "three"],
  ];
  for (const [text, filled] of cases) {
    it(`fills ${JSON.stringify(text)}`, async () => {
      assert.deepEqual(await createSubstitution(env, "/none").fill(text), { text: filled, reasons: [] });
    });
  }

  it("names what is missing and nothing that is there", async () => {
    const { reasons } = await createSubstitution(env, "/none").fill("${A}${B}${hasOwnProperty}${__proto__}${}${1}${A");
    const form = "${…} holds the name of an environment variable, or file: and a path; a plain ${ is written $${";
    assert.deepEqual(reasons, [
      "the environment variable B is not set",
      "the environment variable hasOwnProperty is not set",
      "the environment variable __proto__ is not set",
      form,
      form,
      "${ has no } after it; a plain ${ is written $${",
    ]);
  });

  it("reads files without their last line break and remembers every secret", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headend-secret-"));
    try {
      await writeFile(join(folder, "pw"), "a b\n\r\n");
      await writeFile(join(folder, "big"), "x".repeat(70_000));
      await mkdir(join(folder, "dir"));
      const substitution = createSubstitution(env, folder);
      assert.deepEqual(await substitution.fill("<${file:./pw}${A}>"), { text: "<a b\none>", reasons: [] });
      assert.deepEqual([...substitution.secrets], ["a b\n", "one"]);
      assert.deepEqual((await substitution.fill("${file:big}${file:dir}${file:pw/x}")).reasons, [
        "the file big is larger than 64 KiB",
        "the file dir is not a file",
        "the file pw/x does not exist",
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
