// Real guides, damaged variants of them, and the XMLTV project's own fixtures (folder HEADEND_DATA).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { GuideTarget, MergeReport } from "../../../core/guide/index.ts";
import { canonicalElements } from "./canonical.ts";
import { target, withRig } from "./rig.ts";

const data = process.env.HEADEND_DATA ?? "";
const skip = data === "" ? "HEADEND_DATA is not set" : false;
const list = (folder: string): string[] => (data === "" ? [] : readdirSync(join(data, folder)).sort());
const bytesOf = (...path: string[]): Uint8Array => readFileSync(join(data, ...path));
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);

/** Every id that programmes or channels of a well-formed document use. */
function idsOf(document: string): GuideTarget[] {
  const ids = new Set<string>();
  for (const [, id] of document.matchAll(/\s(?:channel|id)=(?:"([^"]*)")/g)) if (id) ids.add(decode(id));
  for (const [, id] of document.matchAll(/\s(?:channel|id)='([^']*)'/g)) if (id) ids.add(decode(id));
  return [...ids].map((id) => target(id));
}

const decode = (text: string): string =>
  text.replace(
    /&(amp|lt|gt|quot|apos);/g,
    (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" })[name] ?? "",
  );

async function mergeOne(bytes: Uint8Array, targets: GuideTarget[]): Promise<{ text: string; report: MergeReport }> {
  let result: { text: string; report: MergeReport } | undefined;
  await withRig(
    async ({ source, merge, text }) => {
      const report = await merge(targets, [await source("s", bytes)]);
      result = { report, text: await text() };
    },
    { match: "exact" },
  );
  if (!result) throw new Error("no result");
  return result;
}

describe("a real guide comes out with everything that was in it", { skip }, () => {
  for (const file of list("xmltv").filter((name) => /\.xml(\.gz)?$/.test(name) && name !== "epg-parser_empty.xml")) {
    test(file, async () => {
      const bytes = bytesOf("xmltv", file);
      const document = textOf(bytes);
      const before = canonicalElements(document);
      const { text, report } = await mergeOne(bytes, idsOf(document));
      const after = canonicalElements(text);
      const [source] = report.sources;
      assert.equal(source?.error, undefined);
      assert.deepEqual(source?.lost, {});
      assert.equal(source?.channels, before.channels.length);
      assert.equal(source?.programmes, before.programmes.length);
      // A guide that says the same programme twice says it once afterwards; one without a start cannot be placed.
      const placed = before.programmes.filter((line) => / start="\d/.test(line));
      assert.deepEqual([...new Set(after.programmes)].sort(), [...new Set(placed)].sort());
      assert.equal(after.programmes.length, placed.length - (source?.dropped.duplicate ?? 0));
      for (const channel of after.channels)
        if (before.channels.length > 0)
          assert.ok(
            before.channels.includes(channel) ||
              !before.channels.some((line) => line.startsWith(channel.split(">", 1)[0] ?? "")),
            channel,
          );
    });
  }
});

describe("a variant of a guide gives all that can be had", { skip }, () => {
  for (const [base, original] of [
    ["metv", "xmltv/i.mjh.nz_MeTV.xml.gz"],
    ["energeek", "derived/energeek_gz-named-xml.xml"],
  ] as const) {
    const whole = data === "" ? "" : textOf(bytesOf(...original.split("/")));
    const expected = data === "" ? [] : canonicalElements(whole).programmes;
    for (const file of list("derived").filter((name) => name.startsWith(base))) {
      test(file, async () => {
        const { text, report } = await mergeOne(bytesOf("derived", file), idsOf(whole));
        const { programmes } = canonicalElements(text);
        const [source] = report.sources;
        if (/truncated|cut/.test(file)) {
          const share = programmes.length / expected.length;
          assert.ok(share > 0.4 && share < 0.95, `${share}`);
          assert.deepEqual(programmes.slice(0, -1), expected.slice(0, programmes.length - 1));
          assert.ok(source?.error || Object.keys(source?.lost ?? {}).length > 0, "the loss is told");
        } else {
          assert.deepEqual(programmes, expected);
          assert.equal(/bad-crc/.test(file), source?.error !== undefined);
        }
      });
    }
  }
});

/** Where we do not do what `tv_cat` does, and why. It normalises; we copy, because no client is served by less. */
const differences: Readonly<Record<string, string>> = {
  "clump_extract_1.xml": "for tv_cat two parts of a clump with one title are the same programme",
  "dups.xml": "for tv_cat a programme with a stop repeats one without",
  "test.xml": "tv_cat writes 60 minutes as 1 hour",
  "test_empty.xml": "tv_cat drops empty elements",
  "whitespace.xml": "for tv_cat texts that differ in white space are the same",
};

describe("the XMLTV project's fixtures come out as from tv_cat", { skip }, () => {
  const folder = "fixtures/xmltv-project";
  for (const file of list(folder).filter((name) => name.endsWith(".xml"))) {
    const expectedName = `tv_cat_${file.replace(/[-.]/g, "_")}.expected`;
    if (!list(folder).includes(expectedName)) continue;
    const difference = differences[file];
    test(difference ? `${file}: ${difference}` : file, async () => {
      const bytes = bytesOf(folder, file);
      const latin = file === "test_livre.xml";
      const read = (raw: Uint8Array) => (latin ? new TextDecoder("latin1").decode(raw) : textOf(raw));
      const expected = canonicalElements(read(bytesOf(folder, expectedName)), { trim: true });
      const { text } = await mergeOne(bytes, idsOf(read(bytes)));
      const ours = canonicalElements(text, { trim: true, drop: /^x-/ });
      if (difference) assert.notDeepEqual(ours.programmes.sort(), expected.programmes.sort());
      else assert.deepEqual(ours.programmes.sort(), expected.programmes.sort());
      for (const channel of ours.channels)
        if (expected.channels.length > 0) assert.ok(expected.channels.includes(channel), channel);
    });
  }
});

const validator = spawnSync("tv_validate_file", ["--help"]).error
  ? "tv_validate_file (package xmltv-util) is not installed"
  : skip;

describe("tv_validate_file accepts what comes of a well-formed source with domain-like ids", {
  skip: validator,
}, () => {
  const files = [
    "xmltv/i.mjh.nz_MeTV.xml.gz",
    "xmltv/burningc4_guide.xml.gz",
    "xmltv/oztivo_xmltv.xml",
    "xmltv/kenpark76_koreatv.xml.gz",
    "fixtures/xmltv-project/test.xml",
    "xmltv/webeweb_xmltv.xml",
  ];
  for (const file of files) {
    test(file, async () => {
      const document = textOf(bytesOf(...file.split("/")));
      const targets = idsOf(document).map((own) => ({
        ...own,
        id: `${encodeURIComponent(own.id).replace(/[^A-Za-z0-9]/g, "-")}.example.org`,
      }));
      await withRig(
        async ({ source, merge, folder, text }) => {
          await merge(targets, [await source("s", document)]);
          const path = join(folder, "out.xml");
          writeFileSync(path, await text());
          copyFileSync(join(data, "xmltv", "xmltv.dtd"), join(folder, "xmltv.dtd"));
          const run = spawnSync("tv_validate_file", ["--dtd-file", join(folder, "xmltv.dtd"), path], {
            encoding: "utf8",
          });
          assert.equal(run.status, 0, `${run.stdout}${run.stderr}`.slice(0, 2000));
        },
        { match: "exact" },
      );
    });
  }
});
