// editConfig(): values change, and everything else of the user's text stays byte for byte.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { editConfig } from "../../../core/config/edit.ts";
import type { ConfigChange } from "../../../core/plugin.ts";

const file = `# the house
listen: 8888    # aligned   by hand

instances:
  # the list
  tdt: { use: m3u, playlist: "http://up.example/a" }   # mine


  cams:      # all of them
    use: camera
    pin: 0123
    cameras:
      # at the front
      door: rtsp://u:p@h/1   # loud
      # behind
      yard:
        url: 'rtsp://h/2'
        # windy
      # no more
    # of cams
  # of instances
# the rest
lineup: {}
`;

const edit = (changes: readonly ConfigChange[], text = file, base = ["instances", "cams"]) =>
  editConfig(text, base, changes);
const set = (path: string, value: unknown): ConfigChange => ({ path: path.split("."), value });
const withLine = (after: string, ...lines: string[]) => file.replace(`${after}\n`, `${[after, ...lines].join("\n")}\n`);

describe("editConfig()", () => {
  test("adds a key after the last, before what is said of the rest", () => {
    assert.equal(
      edit([set("cameras.shed", "rtsp://h/3"), set("cameras.gate", { url: "rtsp://h/4", name: "Gate: north #1" })]),
      withLine(
        "        # windy",
        "      shed: rtsp://h/3",
        "      gate:",
        "        url: rtsp://h/4",
        '        name: "Gate: north #1"',
      ),
    );
    assert.equal(edit([set("linger", "9s")]), withLine("      # no more", "    linger: 9s"));
    assert.equal(
      edit([set("mode", "ll")], file, ["instances", "hls"]),
      withLine("    # of cams", "  hls:", "    mode: ll"),
    );
    assert.equal(edit([set("level", "warn")], file, ["log"]), `${file}log:\n  level: warn\n`);
  });

  test("changes a value in its place", () => {
    assert.equal(edit([set("cameras.door", "rtsp://h/9")]), file.replace("rtsp://u:p@h/1", "rtsp://h/9"));
    assert.equal(edit([set("cameras.yard.url", 'a "b" # c')]), file.replace("'rtsp://h/2'", `'a "b" # c'`));
    assert.equal(edit([set("pin", "0456")]), file.replace("0123", '"0456"'));
    assert.equal(edit([set("use", "two\nlines")]), file.replace("use: camera", 'use: "two\\nlines"'));
  });

  test("makes keys of a value, and a value of keys", () => {
    assert.equal(
      edit([set("cameras.door", { url: "rtsp://h/1", always: true })]),
      file.replace("door: rtsp://u:p@h/1   # loud", "door:   # loud\n        url: rtsp://h/1\n        always: true"),
    );
    assert.equal(
      edit([set("cameras.yard", "rtsp://h/2")]),
      file.replace("yard:\n        url: 'rtsp://h/2'\n", "yard: rtsp://h/2\n"),
    );
  });

  test("removes what is to go with what is said inside, and keeps what is said above", () => {
    assert.equal(
      edit([set("cameras.yard", undefined)]),
      file.replace("      yard:\n        url: 'rtsp://h/2'\n        # windy\n", ""),
    );
    const none = edit([set("cameras.yard", undefined), set("cameras.door", undefined)]);
    assert.deepEqual(parse(none).instances.cams, { use: "camera", pin: 123, cameras: {} });
    for (const comment of ["at the front", "behind", "no more", "of cams", "the rest"])
      assert.ok(none.includes(`# ${comment}\n`));
    // Camera by camera, and back again.
    assert.match(edit([set("cameras.attic", "rtsp://h/5")], none), /cameras:\n {6}attic: rtsp:\/\/h\/5\n/);
  });

  test("takes the braces off what it changes, and leaves the rest as it was written", () => {
    const flow = "instances: { cams: { use: camera, pin: 0123, cameras: { door: 'rtsp://h/1' } } } # all\n# end\n";
    assert.equal(
      edit([set("cameras.yard", "rtsp://h/2")], flow),
      "instances: # all\n  cams:\n    use: camera\n    pin: \"0123\"\n    cameras:\n      door: 'rtsp://h/1'\n      yard: rtsp://h/2\n# end\n",
    );
    assert.equal(
      edit([set("playlist", "http://up.example/b")], file, ["instances", "tdt"]),
      file.replace(
        'tdt: { use: m3u, playlist: "http://up.example/a" }   # mine',
        'tdt:   # mine\n    use: m3u\n    playlist: "http://up.example/b"',
      ),
    );
  });

  test("keeps a file's own line ends, indentation and missing last line end", () => {
    const windows = file.replaceAll("\n", "\r\n");
    const changes = [
      set("cameras.shed", { url: "rtsp://h/3" }),
      set("cameras.door", "rtsp://h/8"),
      set("cameras.yard", undefined),
    ];
    assert.equal(edit(changes, windows), edit(changes).replaceAll("\n", "\r\n"));
    assert.equal(
      edit([set("cameras.b", { url: "y" })], "instances:\n    cams:\n        cameras:\n            a: x"),
      "instances:\n    cams:\n        cameras:\n            a: x\n            b:\n                url: y\n",
    );
  });

  test("begins a file that says nothing yet", () => {
    const started = "instances:\n  cams:\n    mode: ll\n";
    for (const nothing of [
      "",
      "# my notes\n",
      "\n\n",
      "instances:\n",
      "instances: # mine\n",
      "instances:\n  cams:\n",
    ]) {
      const text = edit([set("mode", "ll")], nothing);
      assert.deepEqual(parse(text), parse(started), nothing);
      for (const comment of nothing.match(/#.*/g) ?? []) assert.ok(text.includes(comment), text);
    }
  });

  test("leaves JSON as JSON", () => {
    const json = JSON.stringify({ instances: { cams: { use: "camera", cameras: {} } } }, null, 4);
    const text = edit([set("cameras.door", "rtsp://h/1")], json);
    assert.deepEqual(JSON.parse(text), { instances: { cams: { use: "camera", cameras: { door: "rtsp://h/1" } } } });
    assert.match(text, /^ {4}"instances"/m);
  });

  test("refuses what it cannot change without touching more, and says where", () => {
    const shared = "instances:\n  a: &a { use: camera, cameras: {} }\n  cams: *a\n  c:\n    <<: *a\n";
    for (const [text, base] of [
      [shared, "cams"],
      [shared, "a"],
      ["instances:\n  ? cams\n  : use: camera\n", "cams"],
      ["instances: [a, b]\n", "cams"],
      ["instances:\n  cams: camera\n", "cams"],
    ] as const)
      assert.throws(() => edit([set("cameras.door", "x")], text, ["instances", base]), {
        code: "config.usage",
        message: /^instances(\.\w+)?: /,
      });
  });

  test("changes nothing when nothing changes", () => {
    assert.equal(
      edit([
        set("cameras.door", "rtsp://u:p@h/1"),
        set("nothing", undefined),
        set("cameras.yard", { url: "rtsp://h/2" }),
      ]),
      file,
    );
  });

  test("says what it was told to say, of any file, and leaves other instances as they are", () => {
    const name = fc.constantFrom("a", "b", "c", "d e", "1", "true", "x:y", "#", "ä");
    const scalar = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom("null", "~", "0123", "a: b", "- x", "x\ny", " # ", "{", "*a"),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        scalar,
        fc.array(scalar, { maxLength: 3 }),
        fc.dictionary(name, tie("any"), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).any;
    const map = fc.dictionary(name, value, { minKeys: 1, maxKeys: 5, noNullPrototype: true });
    const change = fc.record({
      path: fc.array(name, { minLength: 1, maxLength: 3 }),
      value: fc.oneof(value, fc.constant(undefined)),
    });
    fc.assert(
      fc.property(
        map,
        fc.array(change, { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        (before, changes, indent) => {
          let count = 0;
          const commented = stringify(
            { instances: { one: before, two: { use: "x" } } },
            { indent, lineWidth: 0 },
          ).replace(/^( *)(?=[^\s-][^\n]*:)/gm, (spaces) => `${spaces}# note ${count++}\n${spaces}`);
          // A comment amid a text of several lines is none.
          if (!sameValue(parse(commented), { instances: { one: before, two: { use: "x" } } })) return;
          let text: string;
          try {
            text = editConfig(commented, ["instances", "one"], changes);
          } catch (error) {
            assert.match(String(error), /what stands there has no keys/);
            return;
          }
          assert.deepEqual(parse(text).instances.two, { use: "x" });
          assert.ok(text.endsWith(commented.slice(commented.search(/ *# note \d+\n *two:/))), text);
          for (const { path, value } of changes.slice(-1)) {
            const found = path.reduce((each, key) => each?.[key], parse(text).instances.one ?? {});
            assert.deepEqual(found, value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
          }
          if (changes.length === 0) assert.equal(text, commented);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("refuses at once what is nested deeper than a config can be", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { deeper: nested(levels - 1) });
    for (const [path, value] of [
      [Array.from({ length: 5000 }, () => "deeper"), 1],
      [["pin"], nested(5000)],
    ] as const)
      assert.throws(() => edit([{ path, value }]), {
        code: "config.usage",
        message: /more keys than a config can have/,
      });
    edit([{ path: ["pin"], value: nested(60) }]);
  });

  test("a key may be called as what every object has", () => {
    for (const key of ["constructor", "toString"]) {
      const there = edit([{ path: ["cameras", key], value: "rtsp://h/3" }]);
      assert.equal(there, withLine("        # windy", `      ${key}: rtsp://h/3`));
      assert.equal(edit([{ path: ["cameras", key], value: undefined }], there), file);
    }
  });

  test("comments stay when what they stand in gives way", () => {
    const within = (lines: string) => `instances:\n  cams:\n${lines.replace(/^/gm, "    ")}\n`;
    const cases: readonly (readonly [string, string, unknown, string])[] = [
      ["links:\n  - a # main\n  # and\n  - b # sub", "links", ["a"], "# main\n# and\n# sub\nlinks:\n  - a"],
      ["text: | # why\n  one # not\n  two", "text", "three", "text: three # why"],
      ["text: >- # why\n  one", "text", ["three"], "# why\ntext:\n  - three"],
      [
        "door: {\n  url: a, # main\n  # odd\n  pin: 1\n} # front",
        "door.url",
        "b",
        "# front\ndoor:\n  url: b # main\n  # odd\n  pin: 1",
      ],
      ["door:\n  url: a # main\n  pin: '# no'", "door", "b", "# main\ndoor: b"],
    ];
    for (const [before, path, value, after] of cases)
      assert.equal(edit([set(path, value)], within(before)), within(after));
  });

  test("what & and * share elsewhere is in nobody's way, and what still needs it is not broken", () => {
    const shared = `base: &b { x: 1 }\ninstances:\n  cams:\n    pin: &p 1\n    again: *p\n${Array.from({ length: 150 }, (_, index) => `    k${index}: *b\n`).join("")}`;
    assert.equal(
      edit([set("again", 2)], shared.replace("again: *p", "again: 1")),
      shared.replace("again: *p", "again: 2"),
    );
    assert.throws(() => edit([set("pin", undefined)], shared), { code: "config.usage" });
  });

  test("JSON keeps numbers as they are read: what is none for us is text", () => {
    const json = '{\n  "log": { "a": 12345678901234567890, "b": 1.0 },\n  "instances": { "cams": {} }\n}\n';
    assert.deepEqual(JSON.parse(edit([set("pin", 1)], json)), {
      log: { a: "12345678901234567890", b: "1.0" },
      instances: { cams: { pin: 1 } },
    });
  });
});

function sameValue(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}
