// parseCommand(): every command and flag, both spellings, and what a mistake is told.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { helpText, parseCommand } from "../../../core/config/command.ts";
import { HeadendError } from "../../../core/errors.ts";

describe("parseCommand()", () => {
  const good: readonly [argv: string, expected: object][] = [
    ["", { command: "serve", flags: {}, schema: false }],
    ["serve --listen :1", { command: "serve", flags: { listen: ":1" }, schema: false }],
    ["--config=a=b.yaml --data d", { command: "serve", flags: { config: "a=b.yaml", data: "d" }, schema: false }],
    [
      "--log-level debug --log-format=json check",
      {
        command: "check",
        flags: { logLevel: "debug", logFormat: "json" },
        schema: false,
      },
    ],
    ["refresh --data a --data b", { command: "refresh", flags: { data: "b" }, schema: false }],
    ["plugins m3u --schema", { command: "plugins", flags: {}, schema: true, plugin: "m3u" }],
    ["--version", { command: "version", flags: {}, schema: false }],
    ["version", { command: "version", flags: {}, schema: false }],
    ["refresh -h", { command: "help", flags: {}, schema: false }],
  ];
  for (const [argv, expected] of good) {
    it(`reads "${argv}"`, () => assert.deepEqual(parseCommand(argv.split(" ").filter(Boolean)), expected));
  }

  const bad: readonly [argv: string, sentence: string][] = [
    ["--confg x", "unknown flag --confg; did you mean --config?"],
    ["--zzzzzz", "unknown flag --zzzzzz"],
    ["--", "unknown flag --"],
    ["serv", "unknown command serv; did you mean serve?"],
    ["--config", "--config needs a value: --config FILE"],
    ["--data --listen :1", "--data needs a value: --data DIR"],
    ["--data=", "--data needs a value: --data DIR"],
    ["--log-level wran", "--log-level is one of debug, info, warn, error; did you mean warn?"],
    ["--version=2", "--version takes no value"],
    ["refresh now", "refresh takes no now"],
    ["plugins a b", "plugins takes no b"],
    ["check --schema", "--schema goes with plugins"],
  ];
  for (const [argv, sentence] of bad) {
    it(`refuses "${argv}"`, () => {
      assert.throws(
        () => parseCommand(argv.split(" ")),
        (error) => error instanceof HeadendError && error.code === "config.usage" && error.message === sentence,
      );
    });
  }
});

describe("helpText", () => {
  it("names every flag and fits a terminal", () => {
    for (const flag of ["--config FILE", "--data DIR", "--listen HOST:PORT", "--log-level", "--log-format"]) {
      assert.ok(helpText.includes(flag), flag);
    }
    for (const line of helpText.split("\n")) assert.ok(line.length <= 80, line);
  });
});
