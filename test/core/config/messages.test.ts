// Every message that a wrong config file can give, word for word.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { checkOptions, type Defaults, formatProblem, readConfig } from "../../../core/config/index.ts";
import { definePlugin } from "../../../core/plugin.ts";

const defaults: Defaults = {
  always: { playlist: { use: "playlist", mount: "/" } },
  unconfigured: { testcard: { use: "testcard" } },
};

const plugin = definePlugin({
  name: "m3u",
  api: 1,
  config: z.strictObject({
    playlist: z.string().min(1).describe("address or path of the playlist"),
    guides: z.array(z.string()).default([]),
    port: z.int().min(1).max(65_535).optional().describe("port to answer on"),
    fast: z.boolean().default(false),
    headers: z.record(z.string(), z.string()).default({}),
    pattern: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
    shape: z
      .discriminatedUnion("kind", [
        z.object({ kind: z.literal("round") }),
        z.object({ kind: z.literal("square"), side: z.number().positive() }),
      ])
      .optional(),
    link: z.union([z.string().startsWith("/"), z.literal(false)]).optional(),
    quoted: z
      .string()
      .refine(() => false, { error: ({ input }) => `cannot be ${input}` })
      .optional(),
  }),
  setup: () => ({}),
});

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-config-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function read(text: string | Uint8Array, env: Record<string, string> = {}, flags = {}) {
  await writeFile(join(folder, "headend.yaml"), text);
  return readConfig({ flags, env: { HOME: "/home/ana", ...env }, cwd: folder, defaults });
}

/** All messages: of the file, then of the options of every instance of m3u. */
async function messages(text: string | Uint8Array, env: Record<string, string> = {}) {
  const { problems, instances } = await read(text, env);
  const options = instances.filter(({ use }) => use === "m3u").map((instance) => checkOptions(instance, plugin));
  return [...problems, ...options.flatMap((checked) => ("problems" in checked ? checked.problems : []))].map(
    formatProblem,
  );
}

const instance = (lines: string) => `instances:\n  italia:\n    use: m3u\n    playlist: a\n${lines}`;

const bad: readonly [name: string, text: string, expected: readonly string[]][] = [
  [
    "a mistyped option",
    "instances:\n  italia:\n    use: m3u\n    playlst: a\n",
    [
      "headend.yaml:2:3 instances.italia.playlist: required: address or path of the playlist",
      "headend.yaml:4:5 instances.italia.playlst: unknown key; did you mean playlist?",
    ],
  ],
  [
    "a mistyped key of the core in an instance",
    instance("    refesh: 3h\n"),
    ["headend.yaml:5:5 instances.italia.refesh: unknown key; did you mean refresh?"],
  ],
  [
    "wrong types",
    instance("    guides: http://x\n    port: no\n    fast: yes\n    headers: { a: [b] }\n"),
    [
      "headend.yaml:5:13 instances.italia.guides: expected a list, but a text is there",
      "headend.yaml:6:11 instances.italia.port: expected a number (port to answer on), but a text is there",
      "headend.yaml:7:11 instances.italia.fast: expected true or false, but a text is there",
      "headend.yaml:8:19 instances.italia.headers.a: expected text, but a list is there",
    ],
  ],
  [
    "unions and limits",
    instance("    pattern: {}\n    port: 70000\n    shape: { kind: rond }\n    link: x\n"),
    [
      "headend.yaml:5:14 instances.italia.pattern: expected text or a list",
      "headend.yaml:6:11 instances.italia.port: must be at most 65535",
      "headend.yaml:7:20 instances.italia.shape.kind: expected round or square; did you mean round?",
      "headend.yaml:8:11 instances.italia.link: expected text that begins with /",
    ],
  ],
  [
    "a key that a schema would drop",
    instance("    shape: { kind: square, side: 0, syde: 1 }\n"),
    [
      "headend.yaml:5:34 instances.italia.shape.side: must be more than 0",
      "headend.yaml:5:37 instances.italia.shape.syde: unknown key; did you mean side?",
    ],
  ],
  [
    "keys of the core",
    "listen: tv\npublicURL: http://x\ntrustedProxies: [10.0.0.0/8, 10.0.0.0/99]\nlog: { level: verbose }\n",
    [
      "headend.yaml:1:9 listen: expected host:port, :port or a port",
      "headend.yaml:2:1 publicURL: unknown key; did you mean publicUrl?",
      "headend.yaml:3:30 trustedProxies[1]: expected an IP address or a network such as 10.0.0.0/8",
      "headend.yaml:4:15 log.level: expected debug, info, warn or error",
    ],
  ],
  [
    "the guide",
    "guide: { match: normalized, days: 0, history: 7, repair: [stop], compression: 12 }",
    [
      "headend.yaml:1:17 guide.match: expected exact, normalised or name; did you mean normalised?",
      "headend.yaml:1:35 guide.days: must be more than 0",
      "headend.yaml:1:47 guide.history: expected a duration such as 7d, all, or off",
      "headend.yaml:1:59 guide.repair[0]: expected stops or overlaps; did you mean stops?",
      "headend.yaml:1:79 guide.compression: must be at most 9",
    ],
  ],
  [
    "access",
    'access: { users: { ana: { password: "${ANA}" }, "b:c": { password: x }, bob: }, tokens: { tv: abc } }',
    [
      "headend.yaml:1:37 access.users.ana.password: the environment variable ANA is not set",
      'headend.yaml:1:49 access.users["b:c"]: a user\'s name cannot hold a colon',
      "headend.yaml:1:73 access.users.bob: expected keys and values, but nothing is there",
      "headend.yaml:1:95 access.tokens.tv: a token is 8 or more of letters, digits, - . _ ~",
    ],
  ],
  [
    "the lineup",
    "lineup: { duplicates: alternate, ranges: { itlia: 1-9 }, set: [{ where: {}, nmber: 3 }] }\ninstances: { italia: { use: m3u, playlist: a } }",
    [
      "headend.yaml:1:23 lineup.duplicates: expected keep or alternates; did you mean alternates?",
      "headend.yaml:1:44 lineup.ranges.itlia: no instance is called this; did you mean italia?",
      "headend.yaml:1:73 lineup.set[0].where: needs at least one of group, name, id",
      "headend.yaml:1:77 lineup.set[0].nmber: unknown key; did you mean number?",
    ],
  ],
  [
    "names of instances",
    "instances:\n  Italia TV: { use: x }\n  api: { use: x }\n  w:\n  testcrd: false\n  q: 5\n  r: { refresh: 5 }\n",
    [
      'headend.yaml:2:3 instances["Italia TV"]: a name is made of lower-case letters, digits, - and _, at most 64; italia-tv would do',
      "headend.yaml:3:3 instances.api: this name is the server's own; choose another",
      "headend.yaml:4:3 instances.w: expected keys and values, but nothing is there",
      "headend.yaml:5:12 instances.testcrd: nothing of this name runs by itself; did you mean testcard?",
      "headend.yaml:6:6 instances.q: expected keys and values, but a number is there",
      "headend.yaml:7:3 instances.r.use: required: name of a plugin, ./file.ts, or an npm package",
      "headend.yaml:7:17 instances.r.refresh: expected a duration of a second or more, such as 12h or 1h30m",
    ],
  ],
  [
    "mounts",
    "instances:\n  a: { use: x, mount: /api }\n  b: { use: x, mount: /c }\n  c: { use: x }\n",
    [
      "headend.yaml:2:23 instances.a.mount: expected / or /name, the name in lower-case letters, digits, - and _, and none of the server's own",
      "headend.yaml:4:3 instances.c.mount: this is where b is",
    ],
  ],
  ["not a map", "- a\n- b\n", ["headend.yaml:1:1: expected keys and values, but a list is there"]],
  ["a tab", "instances:\n\titalia: 1\n", ["headend.yaml:2:1: a tab cannot indent; use spaces"]],
  [
    "a key that is there twice",
    "listen: 1\nlisten: 2\nlog: 3\n",
    [
      "headend.yaml:2:1: this key is there twice",
      "headend.yaml:3:6 log: expected keys and values (what is written about it), but a number is there",
    ],
  ],
  ["texts that need quotes", "data: @home", ["headend.yaml:1:7: a text that begins with @ must be in quotes"]],
  ["a star", "data: *home", ["headend.yaml:1:7 data: a text that begins with * must be in quotes"]],
  ["an exclamation mark", "data: !home", ["headend.yaml:1:7: a text that begins with ! must be in quotes"]],
  [
    "a variable in braces",
    "access: { tokens: { tv: ${TV} } }",
    ["headend.yaml:1:26: inside { } a text with ${…} must be in quotes"],
  ],
  ["an open quote", 'data: "home', ["headend.yaml:1:12: a quote is not closed"]],
  [
    "a missing space",
    "log:\n  level:info\n  format: text\n",
    ["headend.yaml:2:3: a key needs a colon and a space after it"],
  ],
  [
    "two documents",
    "listen: 1\n---\nlisten: 2\n",
    ["headend.yaml:2:1: a line of --- starts a second document; one is all that is read"],
  ],
  [
    "what cannot be filled in",
    "data: x${file:/does/not/exist}${NO}${a b}${",
    [
      "headend.yaml:1:7 data: the file /does/not/exist does not exist",
      "headend.yaml:1:7 data: the environment variable NO is not set",
      "headend.yaml:1:7 data: ${…} holds the name of an environment variable, or file: and a path; a plain ${ is written $${",
      "headend.yaml:1:7 data: ${ has no } after it; a plain ${ is written $${",
    ],
  ],
];

describe("readConfig() and checkOptions()", () => {
  for (const [name, text, expected] of bad) {
    it(`name every problem of ${name}`, async () => assert.deepEqual(await messages(text), expected));
  }

  it("strike out of a plugin's sentence what came from the environment", async () => {
    const found = await messages(instance("    quoted: pre-${SECRET}\n"), { SECRET: "hunter2" });
    assert.deepEqual(found, ["headend.yaml:5:13 instances.italia.quoted: cannot be pre-…"]);
  });

  it("read texts as the type that the schema wants", async () => {
    const text = instance(
      '    port: ${PORT}\n    fast: "${FAST}"\n    headers: { a: 0123, b: 7.10, c: true, d: ${PORT} }\n    pattern: 5\n',
    ).replace("d: ${PORT}", 'd: "${PORT}"');
    const { instances, problems } = await read(text, { PORT: "05004", FAST: "true" });
    assert.deepEqual(problems, []);
    const checked = checkOptions(instances[0] ?? assert.fail(), plugin);
    assert.deepEqual(checked, {
      config: {
        playlist: "a",
        guides: [],
        port: 5004,
        fast: true,
        headers: { a: "0123", b: "7.10", c: "true", d: "05004" },
        pattern: "5",
      },
    });
  });
});
