// The instances that a config asks for: the user's, and those that run by themselves unless it says otherwise.
import { createHash } from "node:crypto";
import type { z } from "zod";
import { parseDuration, parseRate } from "../formats/duration.ts";
import type { NumberRange } from "../lineup/numbers.ts";
import { type ChannelTimeshift, type Rules, readTimeshift } from "../lineup/rules.ts";
import type { Plugin } from "../plugin.ts";
import { parseNumberRange } from "./address.ts";
import { type ConfigNode, isBroken, placeAt, plainOf, plantConfig } from "./document.ts";
import { findNearest, hintNearest } from "./nearest.ts";
import { formatKey, type KeyPath, type Place, type Problem, sortProblems } from "./problem.ts";
import { instanceKeys, instanceNamePattern, instanceSchema, reservedNames } from "./schema.ts";
import { validate } from "./validate.ts";

/** An instance as configured; its plugin's own keys are not checked yet. */
export interface InstanceConfig {
  readonly name: string;
  readonly use: string;
  /** `/`, or `/` and a name. */
  readonly mount: string;
  /** Milliseconds between two refreshes. */
  readonly refresh: number;
  readonly rules: Rules;
  readonly numbers?: NumberRange;
  readonly streams: InstanceStreams;
  /** The plugin's own keys, `${…}` filled in. */
  readonly options: unknown;
  /** Changes when anything of the instance's config does. Tells nothing of its secrets. */
  readonly fingerprint: string;
  /** Where a key of the instance stands in the file. */
  locate(path: KeyPath): Place;
  /** The whole instance as it was written; absent when it came from no file. */
  readonly origin?: { readonly node: ConfigNode; readonly secrets: ReadonlySet<string> };
}

/** How an instance's upstreams are opened and passed on. Milliseconds. */
export interface InstanceStreams {
  readonly deliver: "relay" | "redirect" | "direct";
  /** Absent: no limit. */
  readonly tuners?: number;
  readonly reserve: number;
  /** Bits a second; absent: no limit. */
  readonly bandwidth?: number;
  readonly interface?: string;
  readonly linger: number;
  readonly stall: number;
  /** What is kept of its channels' live pictures, where they do not say otherwise. */
  readonly timeshift: ChannelTimeshift;
}

/** Instances that nobody has to ask for, as they would stand under `instances:`. */
export interface Defaults {
  /** Run unless the file says `name: false`; the file may change single keys. */
  readonly always: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Run only where the user configured no instance. */
  readonly unconfigured: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Puts user's and default instances together; the order is that of the file, defaults last. */
export function mergeInstances(user: ConfigNode | undefined, defaults: Defaults, problems: Problem[]): ConfigNode[] {
  const standing = { ...defaults.unconfigured, ...defaults.always };
  const place: Place = { file: "built in", line: 0, column: 0 };
  const named = new Map<string, ConfigNode>();
  for (const [name, node] of user?.children ?? []) {
    const own = Object.hasOwn(standing, name) ? standing[name] : undefined;
    if (own && (node.value === false || node.value === null)) {
      if (node.value === null) named.set(name, plantConfig(own, node));
    } else if (node.value === false) {
      const hint = hintNearest(name, Object.keys(standing)) || "; write the instance's keys, or leave it out";
      problems.push({
        ...placeAt(node, []),
        key: formatKey(["instances", name]),
        reason: `nothing of this name runs by itself${hint}`,
      });
    } else if (own && node.kind === "map" && !differs(node, own)) {
      named.set(name, { ...node, children: new Map([...plantConfig(own, node).children, ...node.children]) });
    } else named.set(name, node);
  }
  const chosen = [...named.keys()].some((name) => !Object.hasOwn(defaults.always, name));
  for (const [name, own] of Object.entries(chosen ? defaults.always : standing)) {
    if (!user?.children.has(name)) named.set(name, plantConfig(own, place));
  }
  return Array.from(named, ([name, node]) => ({ ...node, text: name }));
}

function differs(node: ConfigNode, own: Readonly<Record<string, unknown>>): boolean {
  const use = node.children.get("use");
  return use !== undefined && use.value !== own.use;
}

/** Checks the core's keys of every instance. Those that are wrong are left out and their problems reported. */
export function readInstances(
  nodes: readonly ConfigNode[],
  ranges: Readonly<Record<string, NumberRange>>,
  secrets: ReadonlySet<string>,
  problems: Problem[],
): InstanceConfig[] {
  const byMount = new Map<string, string>();
  return nodes.flatMap((node) => {
    const name = node.text ?? "";
    const at = ["instances", name];
    const report = (path: KeyPath, reason: string) => {
      problems.push({
        ...placeAt(node, path, path.length > 0 ? "value" : "key"),
        key: formatKey([...at, ...path]),
        reason,
      });
    };
    const refusal = refuseName(name);
    if (refusal) report([], refusal);
    const checked = validate(instanceSchema, { node, at });
    if ("problems" in checked) problems.push(...checked.problems);
    if (refusal || "problems" in checked || isBroken(node)) return [];
    const { use, mount = `/${name}`, refresh, numbers, ...rest } = checked.value;
    const taken = mount === "/" ? undefined : byMount.get(mount);
    if (taken !== undefined) {
      report(["mount"], `this is where ${taken} is`);
      return [];
    }
    byMount.set(mount, name);
    const { include, exclude, set } = rest;
    const range = numbers === undefined ? ranges[name] : parseNumberRange(numbers);
    const options = plainOf(withoutKeys(node, instanceKeys));
    const config = {
      name,
      use,
      mount,
      refresh: parseDuration(refresh) ?? 0,
      rules: {
        ...(include ? { include } : {}),
        ...(exclude ? { exclude } : {}),
        ...(set ? { set } : {}),
      },
      ...(range ? { numbers: range } : {}),
      streams: readStreams(checked.value),
      options,
    };
    const fingerprint = createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 32);
    return [{ ...config, fingerprint, locate: (path: KeyPath) => placeAt(node, path), origin: { node, secrets } }];
  });
}

function readStreams(file: z.output<typeof instanceSchema>): InstanceStreams {
  const { deliver, tuners, reserve, bandwidth, linger, stall } = file;
  const bits = bandwidth === undefined ? undefined : parseRate(bandwidth);
  return {
    deliver,
    reserve,
    linger: parseDuration(linger) ?? 0,
    stall: parseDuration(stall) ?? 0,
    timeshift: readTimeshift(file),
    ...(tuners === undefined ? {} : { tuners }),
    ...(bits === undefined ? {} : { bandwidth: bits }),
    ...(file.interface === undefined ? {} : { interface: file.interface }),
  };
}

/** Why an instance cannot be called this. */
function refuseName(name: string): string | undefined {
  if ((reservedNames as readonly string[]).includes(name)) return "this name is the server's own; choose another";
  if (instanceNamePattern.test(name)) return undefined;
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, 64);
  const hint = better && better !== name ? `; ${better} would do` : "";
  return `a name is made of lower-case letters, digits, - and _, at most 64${hint}`;
}

/** The plugin's own keys checked by its schema: what `setup()` gets, or every problem. */
export function checkOptions(
  instance: InstanceConfig,
  plugin: Plugin,
): { readonly config: unknown } | { readonly problems: readonly Problem[] } {
  const node = instance.origin?.node ?? plantConfig(instance.options, instance.locate([]));
  // A key of core's that the plugin's schema has as well is both's.
  const declared = keysOf(plugin.config);
  const checked = validate(plugin.config, {
    node: withoutKeys(
      node,
      instanceKeys.filter((key) => !declared.has(key)),
    ),
    at: ["instances", instance.name],
    alsoKnown: instanceKeys,
    ...(instance.origin ? { secrets: instance.origin.secrets } : {}),
  });
  return "problems" in checked ? { problems: sortProblems(checked.problems) } : { config: checked.value };
}

function withoutKeys(node: ConfigNode, keys: readonly string[]): ConfigNode {
  return { ...node, children: new Map([...node.children].filter(([key]) => !keys.includes(key))) };
}

function keysOf(schema: z.ZodType): ReadonlySet<string> {
  return new Set("shape" in schema ? Object.keys(schema.shape as object) : []);
}

/** Ranges that name no instance: problems with the name that was meant. */
export function checkRanges(root: ConfigNode, names: readonly string[]): Problem[] {
  const ranges = root.children.get("lineup")?.children.get("ranges");
  return Array.from(ranges?.children.keys() ?? []).flatMap((name) => {
    if (names.includes(name) || !ranges) return [];
    const nearest = findNearest(name, names);
    const reason = `no instance is called this${nearest ? `; did you mean ${nearest}?` : ""}`;
    return [{ ...placeAt(ranges, [name], "key"), key: formatKey(["lineup", "ranges", name]), reason }];
  });
}
