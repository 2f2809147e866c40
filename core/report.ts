// What `headend refresh` prints: a line an instance, a line a source, in words where something was lost.

import type { MergeReport } from "./guide/types.ts";
import { sayOf } from "./guide-sources.ts";
import type { Instance } from "./instance.ts";
import { reasonOf } from "./reason.ts";
import type { Supervisor } from "./supervisor.ts";

/** A table of texts, columns as wide as they need to be; numbers to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ""))));
  return rows
    .map((row, line) =>
      row
        .map((cell, column) => {
          const gap = " ".repeat((widths[column] ?? 0) - width(cell));
          return line > 0 && /^[\d.,]+( [A-Za-z]+)?$/.test(cell) ? gap + cell : cell + gap;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function width(text: string): number {
  return [...text].length;
}

/** True when every instance and every source came. */
export function allWell(supervisor: Supervisor): boolean {
  const { instances, refused, merging } = supervisor;
  if (refused.size > 0 || merging.lastError) return false;
  const failed = [...instances.values()].some(({ last, inputs }) => last?.error || inputs.some((input) => input.error));
  return !failed && !(merging.report?.sources ?? []).some((source) => source.error);
}

/** The table of one refresh of everything. */
export function formatRefresh(supervisor: Supervisor): string {
  const { instances, refused, merging } = supervisor;
  const rows = [["instance", "channels", "programmes", "dropped", "bytes in", "seconds", "state"]];
  const notes: string[] = [];
  for (const [name, instance] of instances) {
    if (!instance.refreshes) continue;
    rows.push(instanceRow(name, instance, merging.report, notes));
  }
  for (const [name, { sentence }] of refused) {
    rows.push([name, "", "", "", "", "", "invalid"]);
    notes.push(`${name}: ${sentence}`);
  }
  if (merging.report) {
    const { programmes, channels, seconds, unchanged } = merging.report;
    notes.push(
      unchanged
        ? `guide: nothing changed; ${count(programmes)} programmes of ${count(channels)} channels stay as they are`
        : `guide: ${count(programmes)} programmes of ${count(channels)} channels, merged in ${seconds.toFixed(1)} s`,
    );
  }
  if (merging.lastError) notes.push(`guide: ${merging.lastError}`);
  return [formatTable(rows), ...notes].join("\n");
}

function instanceRow(name: string, instance: Instance, report: MergeReport | undefined, notes: string[]): string[] {
  const sources = (report?.sources ?? []).filter((source) => source.instance === name);
  const kept = sources.reduce((sum, source) => sum + source.kept, 0);
  const dropped = addUp(sources.map((source) => source.dropped));
  const excluded = instance.last?.update?.excluded ?? 0;
  if (excluded > 0) dropped["excluded by a rule"] = excluded;
  for (const source of sources) {
    const lost = describeCounts(source.lost);
    if (source.error || lost)
      notes.push(`${name}: ${sayOf(source.name, [source.error, lost].filter(Boolean).join("; "))}`);
  }
  for (const input of instance.inputs) {
    if (!input.error) continue;
    const used = input.source ? "; the last good copy was used" : "";
    notes.push(`${name}: ${sayOf(input.name, reasonOf(input.error))}${used}`);
  }
  // What is wrong with a source has been said above.
  const sentence = `${name}: ${instance.sentence}`;
  if (instance.state !== "ok" && !notes.some((note) => note.includes(instance.sentence))) notes.push(sentence);
  const received = instance.last?.received ?? 0;
  return [
    name,
    count(instance.channels),
    count(kept),
    describeCounts(dropped) || "-",
    bytes(received),
    (instance.last?.seconds ?? 0).toFixed(1),
    instance.state,
  ];
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts) for (const [reason, n] of Object.entries(one)) sums[reason] = (sums[reason] ?? 0) + n;
  return sums;
}

/** `1,204 unmatched, 3 without start`; empty when there is nothing. */
export function describeCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, n]) => `${count(n)} ${reason}`)
    .join(", ");
}

function count(n: number): string {
  return n.toLocaleString("en-GB");
}

function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}
