// describeConfig(): every key is in the tables, with its type, default and meaning.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { describeConfig, describePlugin, describePluginSchema } from "../../../core/config/describe.ts";
import { definePlugin } from "../../../core/plugin.ts";

const plugin = definePlugin({
  name: "sample",
  api: 1,
  config: z.strictObject({
    playlist: z.string().describe("address or path | of it"),
    guides: z.array(z.string()).default([]),
    port: z.int().default(5004).describe("port"),
    mode: z.enum(["a", "b"]).optional(),
    either: z.union([z.string(), z.array(z.string())]).optional(),
    headers: z.record(z.string(), z.string()).default({}),
    cameras: z.record(z.string(), z.strictObject({ url: z.string() })).optional(),
    every: z.string().meta({ title: "duration" }).default("1h"),
  }),
  setup: () => ({}),
});

describe("describePlugin()", () => {
  it("makes a table of a plugin's keys", () => {
    assert.equal(
      describePlugin(plugin),
      [
        "### `use: sample`",
        "",
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `playlist` | text | required | address or path \\| of it |",
        "| `guides` | list of text |  |  |",
        "| `port` | whole number | `5004` | port |",
        "| `mode` | `a`, `b` |  |  |",
        "| `either` | text or list of text |  |  |",
        "| `headers` | text by name |  |  |",
        "| `cameras` | keys by name |  |  |",
        "| `cameras.<name>.url` | text | required |  |",
        "| `every` | duration | `1h` |  |",
      ].join("\n"),
    );
  });

  it("says so when there are none", () => {
    const bare = definePlugin({ name: "bare", api: 1, config: z.strictObject({}), setup: () => ({}) });
    assert.equal(describePlugin(bare), "### `use: bare`\n\nNo keys of its own.");
  });
});

describe("describePluginSchema()", () => {
  it("is JSON Schema of what a user writes", () => {
    const schema = describePluginSchema(plugin);
    assert.deepEqual(schema.required, ["playlist"]);
    assert.equal(schema.properties?.port?.default, 5004);
  });
});

describe("describeConfig()", () => {
  it("describes every key of the core, and then the plugins", () => {
    const text = describeConfig([plugin]);
    const rows = text.split("\n").filter((line) => line.startsWith("| `"));
    for (const key of [
      "listen",
      "publicUrl",
      "instances.<name>.use",
      "instances.<name>.set[].where",
      "lineup.duplicates",
      "guide.history",
      "access.users.<name>.password",
      "log.format",
    ]) {
      assert.ok(
        rows.some((row) => row.startsWith(`| \`${key}\` |`)),
        key,
      );
    }
    assert.ok(text.includes("| `guide.history` | duration, `all` or `off` | `7d` |"));
    assert.ok(text.includes("| `listen` | address | `0.0.0.0:8888` |"));
    assert.ok(text.endsWith("| `every` | duration | `1h` |  |\n"));
    assert.doesNotMatch(text, /undefined|\[object/);
  });
});
