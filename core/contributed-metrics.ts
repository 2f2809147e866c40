// Figures that instances contribute, as text for Prometheus: one instance's fault costs its own figures and no more.
import type { Logger, Metric } from "./plugin.ts";
import { reasonOf } from "./reason.ts";
import { redact } from "./redact.ts";

export interface ContributedMetricsOptions {
  /** What contributes figures now, by name. */
  sources(): Iterable<readonly [instance: string, metrics: () => Iterable<Metric>]>;
  /** True for names that core's own figures have. */
  taken(name: string): boolean;
  readonly log: Logger;
}

/** Samples of one instance beyond which the rest is left out: `metrics()` may be endless. */
const mostSamples = 10_000;

/** Makes what collects them: each call asks every instance and gives text in Prometheus' format 0.0.4. */
export function createContributedMetrics(o: ContributedMetricsOptions): () => string {
  /** The last fault of an instance, so that a scrape every few seconds says it once. */
  const told = new Map<string, string>();

  return () => {
    const families = new Map<string, { readonly type: Metric["type"]; readonly lines: string[] }>();
    const seen = new Set<string>();
    for (const [instance, metrics] of o.sources()) {
      let fault = "";
      let count = 0;
      try {
        for (const metric of metrics()) {
          if (++count > mostSamples) {
            fault = `metrics() gave more than ${mostSamples} samples; the rest is left out`;
            break;
          }
          fault ||= take(metric, instance);
        }
      } catch (error) {
        fault = `metrics() failed: ${reasonOf(error)}`;
      }
      if (fault === (told.get(instance) ?? "")) continue;
      told.set(instance, fault);
      if (fault) o.log.warn(`${instance}: ${fault}`);
    }
    return [...families.values()].map(({ lines }) => lines.join("")).join("");

    /** Adds a sample; gives the reason when it cannot be. */
    function take(metric: Metric, instance: string): string {
      const { name, help, type, value, labels = {} } = metric;
      if (typeof name !== "string" || !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
        return `metrics() gave the name ${JSON.stringify(name)}; expected letters, digits, _ and :`;
      if (o.taken(name)) return `metrics() gave ${name}, which is core's own; it is left out`;
      if (type !== "counter" && type !== "gauge") return `metrics() gave ${name} with the type ${type}`;
      if (typeof value !== "number") return `metrics() gave ${name} with a value that is no number`;
      const family = families.get(name) ?? {
        type,
        lines: [`# HELP ${name} ${escapeText(String(help))}\n# TYPE ${name} ${type}\n`],
      };
      if (family.type !== type) return `metrics() gave ${name} as ${type}; it is a ${family.type} already`;
      const pairs: string[] = [];
      for (const [label, text] of Object.entries({ ...labels, headend_instance: instance })) {
        if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) return `metrics() gave ${name} with the label ${label}`;
        pairs.push(`${label}="${escapeText(redact(String(text))).replaceAll('"', '\\"')}"`);
      }
      const series = `${name}{${pairs.join(",")}}`;
      if (seen.has(series)) return `metrics() gave ${name} twice with the same labels; the second is left out`;
      seen.add(series);
      family.lines.push(`${series} ${textOf(value)}\n`);
      families.set(name, family);
      return "";
    }
  };
}

/** A backslash and a line's end would end the line (Prometheus text format 0.0.4, "Comments, help text, and type information"). */
function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** As Go's ParseFloat reads it. */
function textOf(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
