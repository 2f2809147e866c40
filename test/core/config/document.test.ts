// parseConfigDocument(): values, places, and that no text makes it throw or give away what was filled in.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { nodeAt, parseConfigDocument, placeAt, plainOf } from "../../../core/config/document.ts";
import { formatProblem } from "../../../core/config/problem.ts";
import { configSchema } from "../../../core/config/schema.ts";
import { createSubstitution, type Environment } from "../../../core/config/substitute.ts";
import { validate } from "../../../core/config/validate.ts";

const parse = (text: string, env: Environment = {}) => parseConfigDocument(text, "f", createSubstitution(env, "/none"));

const good = `listen: 0.0.0.0:8888
publicUrl: "http://tv.example:8888"
instances:
  italia: { use: m3u, playlist: "https://x/\${A}", guides: [ 'a', b ], refresh: 12h }
  cams: &cams
    use: camera
    cameras: { door: "rtsp://\${B:-u}@x" }
  more: *cams
guide: { match: name, days: 14, history: 7d }
access:
  users: { ana: { password: "\${A}" } }
  tokens: { tv: "\${C}" }
`;

describe("parseConfigDocument()", () => {
  it("gives values and their places", async () => {
    const { root, problems } = await parse("a:\n  b: [1, x]\n  'c d': &x {e: true}\nf: *x\ng:\n");
    assert.deepEqual(problems, []);
    assert.ok(root);
    assert.deepEqual(plainOf(root), { a: { b: [1, "x"], "c d": { e: true } }, f: { e: true }, g: null });
    assert.deepEqual(placeAt(root, ["a", "b", 1]), { file: "f", line: 2, column: 10 });
    assert.deepEqual(placeAt(root, ["a", "b"], "key"), { file: "f", line: 2, column: 3 });
    assert.deepEqual(placeAt(root, ["a", "none", "deeper"]), { file: "f", line: 1, column: 1 });
    assert.deepEqual(placeAt(root, ["g"]), { file: "f", line: 5, column: 1 });
  });

  it("takes as a number only what is written as one", async () => {
    const { root } = await parse(
      "a: [1, 1.5, -2, 0123, 7.10, 1e3, 0x1F, .inf, 12345678901234567890, '1', !!str 1, yes, ~]",
    );
    assert.ok(root);
    const expected = [1, 1.5, -2, "0123", "7.10", "1e3", "0x1F", ".inf", "12345678901234567890", "1", "1", "yes", null];
    assert.deepEqual(plainOf(root), { a: expected });
    assert.equal(nodeAt(root, ["a", 0])?.text, "1");
  });

  it("fills in after parsing, so that no value can change the structure", async () => {
    const value = 'x"}, admin: {a: 1}\n- # ${B}';
    const { root } = await parse('a: "${A}"\nb: ${A}', { A: value, B: "no" });
    assert.ok(root);
    assert.deepEqual(plainOf(root), { a: value, b: value });
  });

  it("refuses aliases that multiply or never end, and __proto__", async () => {
    const lines = ["a: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let n = 1; n < 8; n++)
      lines.push(
        `b${n}: &a${n} [${Array(10)
          .fill(`*a${n - 1}`)
          .join(",")}]`,
      );
    const bomb = await parse(lines.join("\n"));
    assert.deepEqual(
      bomb.problems.map(({ reason }) => reason),
      ["more keys than a config can have"],
    );
    assert.ok((await parse("a: &a [*a]")).problems.length > 0);
    const proto = await parse("__proto__: {a: 1}");
    assert.deepEqual(proto.problems.map(formatProblem), ["f:1:1 __proto__: unknown key"]);
    assert.ok((await parse("[".repeat(20_000))).problems.length > 0);
  });

  it("never throws and never tells a value, whatever becomes of a good file", async () => {
    const secrets = { A: "hunter2-QQ", B: "tr0ub4dor-ZZ", C: "correct-horse" };
    const snippet = fc.oneof(
      fc.constantFrom(
        "\t",
        "${",
        "}",
        "{",
        "[",
        "]",
        ":",
        ": ",
        "- ",
        "'",
        '"',
        "&x ",
        "*x ",
        "!t ",
        "|\n",
        "#",
        "\n",
        "\u0000",
        "? ",
        "<<: ",
      ),
      fc.string({ unit: "binary", maxLength: 4 }),
    );
    const change = fc.tuple(fc.nat(good.length), fc.nat(6), snippet);
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        let text = good;
        for (const [at, drop, insert] of changes) text = text.slice(0, at) + insert + text.slice(at + drop);
        const { root, problems } = await parse(text, secrets);
        const checked = root ? validate(configSchema, { node: root, at: [] }) : { problems: [] };
        const all = [...problems, ...("problems" in checked ? checked.problems : [])];
        for (const problem of all) {
          assert.ok(problem.line >= 1 && problem.column >= 1);
          const line = formatProblem(problem);
          assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
          for (const secret of Object.values(secrets)) assert.ok(!line.includes(secret), line);
        }
      }),
      { numRuns: 1500, seed: 7 },
    );
  });
});
