// What instances contribute to /metrics: the text, and faults that stay with whoever made them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createContributedMetrics } from "../../core/contributed-metrics.ts";
import type { Metric } from "../../core/plugin.ts";

type Sources = Record<string, () => Iterable<Metric>>;

function collector(sources: Sources) {
  const warnings: string[] = [];
  const silent = () => {};
  const collect = createContributedMetrics({
    sources: () => Object.entries(sources),
    taken: (name) => name === "headend_viewers",
    log: { debug: silent, info: silent, error: silent, warn: (sentence) => warnings.push(sentence) },
  });
  return { collect, warnings };
}

const age = (value: number, labels?: Record<string, string>): Metric => ({
  name: "acme_guide_age_seconds",
  help: "How old the guide is",
  type: "gauge",
  value,
  ...(labels && { labels }),
});

test("samples of two instances with one name stand together, each with its instance's name", () => {
  const { collect, warnings } = collector({ a: () => [age(1)], b: () => [age(2.5, { kind: "tv" })] });
  assert.equal(
    collect(),
    "# HELP acme_guide_age_seconds How old the guide is\n# TYPE acme_guide_age_seconds gauge\n" +
      'acme_guide_age_seconds{headend_instance="a"} 1\nacme_guide_age_seconds{kind="tv",headend_instance="b"} 2.5\n',
  );
  assert.deepEqual(warnings, []);
});

test("quotes, backslashes and line ends in labels cannot make lines of their own", () => {
  const { collect } = collector({ a: () => [age(1, { title: 'one "two"\n\\three' })] });
  assert.ok(collect().includes('{title="one \\"two\\"\\n\\\\three",headend_instance="a"} 1\n'));
});

test("a password in a label is struck out", () => {
  const { collect } = collector({ a: () => [age(1, { url: "rtsp://me:hunter2@10.0.0.1/x" })] });
  assert.doesNotMatch(collect(), /hunter2/);
});

test("values without an end are written as Prometheus reads them", () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const { collect } = collector({ a: () => values.map((value, i) => age(value, { i: String(i) })) });
  const written = [...collect().matchAll(/\} (\S+)$/gm)].map(([, value]) => value);
  assert.deepEqual(written, ["NaN", "+Inf", "-Inf"]);
});

const faults: [string, () => Iterable<Metric>, string][] = [
  [
    "throws",
    () => {
      throw new Error("no luck");
    },
    "bad: metrics() failed: no luck",
  ],
  ["takes a name of core's", () => [{ ...age(1), name: "headend_viewers" }], "is core's own"],
  ["gives a name that is none", () => [{ ...age(1), name: "a-b\n" }], "expected letters, digits, _ and :"],
  ["gives a label that is none", () => [age(1, { "a b": "c" })], "with the label a b"],
  ["gives one series twice", () => [age(1), age(2)], "twice with the same labels"],
  ["changes a type", () => [{ ...age(1), type: "counter" }, age(2, { x: "" })], "as gauge; it is a counter already"],
  [
    "never ends",
    function* () {
      for (let i = 0; ; i++) yield age(i, { i: String(i) });
    },
    "more than 10000 samples",
  ],
];
for (const [what, metrics, reason] of faults) {
  test(`an instance that ${what} is told of once, and the others' figures are there`, () => {
    const { collect, warnings } = collector({
      bad: metrics,
      good: () => [{ name: "good_total", help: "Good", type: "counter", value: 7 }],
    });
    for (let i = 0; i < 3; i++) assert.match(collect(), /^good_total\{headend_instance="good"\} 7$/m);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.includes(reason), String(warnings[0]));
  });
}
