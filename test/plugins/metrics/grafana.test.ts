// The dashboard: what its panels ask for is what a headend serves, and what it serves of its own is in a panel.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import dashboard from "../../../plugins/metrics/grafana.json" with { type: "json" };
import { openWhole, type Whole } from "../../support/movistar/headend.ts";
import { type Movistar, openMovistar } from "../../support/movistar/index.ts";
import { multicastMissing } from "../../support/multicast.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly datasource: { uid: string } }[];
}

const panels = dashboard.panels as readonly Panel[];
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const names = (text: string) =>
  [...text.matchAll(/\b(?:headend|movistar|sanic|process|nodejs)_\w+(?=\{)/g)].map(([name]) => name);
/** Where nothing is limited, recorded or measured there is no sample: these names are told by their type alone. */
const rare = new Set(["movistar_line_bits_per_second"]);

let operator: Movistar;
let whole: Whole;
let text: string;

before(async () => {
  operator = await openMovistar({ multicast: multicastMissing === false });
  whole = await openWhole(`${operator.config}    tuners: 4\n`);
  await whole.refresh();
  const showing = operator.startLive(2543);
  const past = Math.floor(Date.now() / 1000) - 3600;
  const watching = await Promise.all([whole.get("/tv/2543/live"), whole.get(`/tv/2543/${past}`)]);
  const readers = watching.map((response) => response.body?.getReader());
  for (const reader of readers) await reader?.read();
  text = await whole.text("/metrics");
  for (const reader of readers) await reader?.cancel();
  showing.stop();
});
after(async () => {
  await whole.close();
  await operator.close();
});

test("every name that a panel asks for is served, with a sample", () => {
  const asked = new Set(expressions.flatMap(names));
  assert.ok(asked.size > 30);
  for (const name of asked) if (!rare.has(name)) assert.match(text, new RegExp(`^${name}(?:\\{.*\\})? `, "m"), name);
});

test("every name of the headend and of the provider is in a panel", () => {
  const asked = new Set(expressions.flatMap(names));
  const histograms = [...text.matchAll(/^# TYPE (\w+) histogram$/gm)].map(([, name]) => name);
  for (const [, name = ""] of text.matchAll(/^# TYPE ((?:headend|movistar|sanic)_\w+) /gm)) {
    const parts = histograms.includes(name) ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    for (const part of parts) assert.ok(asked.has(part), `no panel shows ${part}`);
  }
});

test("the two series of movistar-u7d have its labels, one of each a viewer, gone when it leaves", async () => {
  const lines = [...text.matchAll(/^sanic_request_latency_sec_(sum|count)\{(.*)\} (\S+)$/gm)];
  assert.deepEqual(
    lines.map(([, kind, labels = ""]) => [kind, /method="(\w+)"/.exec(labels)?.[1]]),
    [
      ["sum", "live"],
      ["sum", "catchup"],
      ["count", "live"],
      ["count", "catchup"],
    ],
  );
  for (const [, kind, labels = "", value] of lines) {
    assert.match(labels, /endpoint="La 1 HD _ 127\.0\.0\.1 _ [^_]+(?: _ \[\d+\/1800\])?",http_status="\d+-\d+"/);
    if (kind === "count") assert.equal(Number(value), 1);
    else assert.ok(Number(value) > 0 && Number(value) < 10);
  }
  assert.match(text, /^movistar_archive_up\{headend_instance="tv"\} 1$/m);
  assert.match(text, /^movistar_archive_sessions\{headend_instance="tv"\} 1$/m);
  const later = await whole.text("/metrics");
  assert.doesNotMatch(later, /sanic_request/);
});

test("Grafana can take it: ids, places, units, and a data source that is chosen at import", () => {
  assert.equal(dashboard.uid, "headend");
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const [first] = dashboard.templating.list;
  assert.deepEqual([first?.name, first?.type, first?.query], ["datasource", "datasource", "prometheus"]);
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  for (const expression of expressions)
    for (const [, name = ""] of expression.matchAll(/\$(?!__)(\w+)/g)) assert.ok(variables.has(name), expression);
  const taken = new Set<string>();
  for (const { type, title, gridPos, targets, datasource, fieldConfig } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${title} lies over another panel`);
        taken.add(`${x} ${y}`);
      }
    if (type === "row") continue;
    assert.equal(datasource?.uid, "$" + "{datasource}");
    assert.ok(fieldConfig?.defaults.unit, `${title} has no unit`);
    assert.ok(targets && targets.length > 0);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
  }
});
