// The house rules as a test: who may import whom, which door leads where, and what files may be called.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { type Import, listFiles, readSource, readSources, root, type Source } from "./support/source.ts";

const sources = readSources("core", "plugins", "providers");

/** Where each package may be imported; a new one gets its line here. Types are erased and may come from anywhere. */
const doors: Readonly<Record<string, RegExp>> = {
  zod: /./,
  elysia: /^core\/server\//,
  "@elysiajs/openapi": /^core\/server\//,
  "@elysiajs/static": /^plugins\/dashboard\//,
  "dgram-as-promised": /^core\/transport\/udp/,
  "fast-xml-parser": /^(core\/formats\/xmltv|providers\/)/,
  "hls.js": /^plugins\/dashboard\//,
  "prom-client": /^core\/metrics\.ts$/,
  sax: /^core\/formats\/xmltv/,
  "tough-cookie": /^core\/fetch\//,
  "xz-decompress": /^core\/fetch\//,
  yaml: /^core\/config\//,
};

/** Where each global may be used, and what to use elsewhere. */
const globals: Readonly<Record<string, readonly [where: RegExp, instead: string]>> = {
  Bun: [/^core\/runtime\//, "what differs between runtimes goes into core/runtime/"],
  Deno: [/^core\/runtime\//, "what differs between runtimes goes into core/runtime/"],
  "fetch()": [/^core\/fetch\//, "use host.fetch, which keeps cookies, limits and last good copies"],
  console: [/^core\/log\.ts$/, "use host.log, which strikes out secrets"],
  "process.env": [
    /^core\/(config\/|runtime\/launch\.mjs$)/,
    "read the environment in core/config/ and pass the value on",
  ],
  "Date.now()": [/^core\/clock\.ts$/, "use the Clock that is passed in, so that tests can move it"],
  "new Date()": [/^core\/clock\.ts$/, "use the Clock that is passed in, so that tests can move it"],
  "performance.now()": [/^core\/clock\.ts$/, "use the Clock that is passed in, so that tests can move it"],
  "setTimeout()": [/^core\/clock\.ts$/, "use clock.sleep(), which tests can move and a signal can end"],
  "setInterval()": [/^core\/(clock\.ts|runtime\/launch\.mjs)$/, "use a job, or clock.sleep() in a loop"],
};

/** What browsers run: it has no host, and the browser's own globals are its world. */
const inBrowsers = /^plugins\/dashboard\/page\//;

/** Built-in modules that compute and do not touch the world: all that a codec may use. */
const pure = new Set(["node:buffer", "node:string_decoder", "node:util"]);

test("imports follow the arrows of the house", () => {
  report(function* () {
    for (const { path, each } of everyImport()) {
      const wrong = wrongImport(path, each);
      if (wrong) yield wrong;
    }
  });
});

test("relative imports name their file with .ts, and built-ins begin with node:", () => {
  const builtins = new Set(builtinModules.filter((name) => !name.startsWith("node:")));
  report(function* () {
    for (const { path, each } of everyImport()) {
      const { specifier, target, line } = each;
      if (specifier.startsWith(".") && !/\.(ts|mjs|json)$/.test(specifier))
        yield `${path}:${line}: "${specifier}" lacks its .ts, which Deno wants`;
      if (builtins.has(target)) yield `${path}:${line}: write "node:${target}", so that it cannot be a package`;
    }
  });
});

test("what every runtime tests imports nothing that one of them lacks", () => {
  report(function* () {
    for (const { path, imports } of readSources(
      "test/core",
      "test/plugins",
      "test/providers",
      "test/runtime",
      "test/support",
    ))
      for (const { target, line } of imports)
        if (/^(?:bun|deno):/.test(target)) yield `${path}:${line}: ${target} is there on one runtime only`;
  });
});

test("a package is imported through its one door", () => {
  report(function* () {
    for (const { path, each } of everyImport()) {
      const { specifier, target, typeOnly, line } = each;
      if (specifier.startsWith(".") || target.includes(":") || typeOnly) continue;
      const door = doors[target];
      if (!door) yield `${path}:${line}: ${target} has no door: say in test/architecture.test.ts who may import it`;
      else if (!door.test(path)) yield `${path}:${line}: ${target} is imported only where ${door} matches`;
    }
  });
});

test("every dependency has a door, and every door a dependency", () => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { dependencies } = manifest as { dependencies: Record<string, string> };
  assert.deepEqual(Object.keys(doors).sort(), Object.keys(dependencies).sort());
});

test("globals of the runtime, the network, the time and the environment stay behind their doors", () => {
  report(function* () {
    for (const { path, uses } of sources)
      for (const { what, line } of uses) {
        const [where, instead] = inBrowsers.test(path) ? [/./, ""] : (globals[what] ?? [/./, ""]);
        if (!where.test(path)) yield `${path}:${line}: ${what} is not for here: ${instead}`;
      }
  });
});

test("no file imports itself by way of others", () => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push(
        `${[...trail.slice(trail.indexOf(path)), path].join(" → ")}: move what they share into a file of its own`,
      );
      return;
    }
    if (done.has(path)) return;
    for (const each of byPath.get(path)?.imports ?? []) if (!each.typeOnly) walk(each.target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of sources) walk(path, []);
  report(() => cycles);
});

test("every file begins with a sentence that says what it is", () => {
  report(function* () {
    for (const { path, text } of [...sources, ...readSources("test")])
      if (!/^\/\/ \S.{15,}/.test(text)) yield `${path}:1: begin with a comment, one sentence saying what the file is`;
  });
});

test("files are named for the noun they hold, and lie at most three folders deep", () => {
  const vague = /^(utils?|helpers?|common|misc|shared|src|lib|services?|managers?|base|impl)$/;
  report(function* () {
    for (const path of listFiles("core", "plugins", "providers", "test")) {
      const parts = path.split("/");
      // Tests mirror what they test, one folder further down.
      if (parts.length > (parts[0] === "test" ? 5 : 4))
        yield `${path}: deeper than three folders; a module that needs more is two modules`;
      const word = parts.map((part) => part.replace(/\..*$/, "")).find((part) => vague.test(part));
      if (word) yield `${path}: "${word}" says nothing; name it for what it holds`;
      if (/\.(ts|mjs)$/.test(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(parts.at(-1) ?? ""))
        yield `${path}: file names are kebab-case`;
    }
  });
});

test("the rules see what they forbid", () => {
  const code = (path: string, text: string): Source => readSource(path, text);
  const bad = code(
    "providers/a/parse.ts",
    'import type { Host } from "../../core/plugin.ts"; import x from "../b/index.ts"; Bun.x; fetch(""); new Date();',
  );
  assert.deepEqual(
    bad.imports.map((each) => wrongImport(bad.path, each) !== undefined),
    [true, true],
  );
  assert.deepEqual(
    bad.uses.map((use) => use.what),
    ["Bun", "fetch()", "new Date()"],
  );
  assert.deepEqual(
    code("core/x.ts", "const f = (fetch: F) => fetch(1); a.fetch(2); new Date(3); a.console.b").uses,
    [],
  );
  assert.equal(
    code("core/x.ts", 'new Worker(new URL("./guide/worker.ts", import.meta.url))').imports[0]?.target,
    "core/guide/worker.ts",
  );
});

/** Why an import is against the arrows, or undefined. */
function wrongImport(path: string, { specifier, target, names, line }: Import): string | undefined {
  const wrong = (why: string) => `${path}:${line}: may not import ${target}: ${why}`;
  const [kind = "", name = ""] = path.split("/");
  const ours = specifier.startsWith(".");
  if (path.startsWith("core/formats/")) {
    if (ours && !/^core\/(formats\/|types\.ts$)/.test(target))
      return wrong("formats are pure codecs and know only themselves");
    if (target.startsWith("node:") && !pure.has(target))
      return wrong("a codec turns bytes into values and touches nothing else");
  }
  if (!ours) return undefined;
  if (target.startsWith("test/")) return wrong("nothing that runs depends on a test");
  if (kind === "core") {
    if (/^(providers|plugins)\//.test(target))
      return /^core\/(main|assembly)\.ts$/.test(path) && /^(providers|plugins)\/index\.ts$/.test(target)
        ? undefined
        : wrong("core knows no plugin by name; where it is put together it takes the two lists");
    if (/^core\/(types|check|errors)\.ts$/.test(path)) return wrong("the nouns and the errors depend on nothing");
    if (path === "core/watch.ts" && target !== "core/types.ts")
      return wrong("what is seen of streams needs the nouns alone");
    if (
      path === "core/plugin.ts" &&
      !/^core\/(types|check|watch|errors|server\/reply|runtime\/strip)\.ts$/.test(target)
    )
      return wrong("the contract stands alone");
    if (
      path.startsWith("core/transport/") &&
      !/^core\/(transport|formats|runtime)\/|^core\/(types|errors|clock|plugin|redact|reason)\.ts$/.test(target)
    )
      return wrong("transport turns an address into bytes and knows no channel");
    return undefined;
  }
  if (path === `${kind}/index.ts`) return undefined;
  const isIndex = path === `${kind}/${name}/index.ts`;
  if (target.startsWith(`${kind}/${name}/`)) return undefined;
  if (/^(providers|plugins)\//.test(target))
    return wrong("neighbours do not know each other; they meet in Host, or what they share moves to core/formats");
  if (!/^core\/(plugin\.ts$|formats\/|transport\/)/.test(target))
    return wrong("a plugin imports core/plugin.ts, core/formats/ and core/transport/, nothing else of ours");
  if (!isIndex && names.some((each) => each === "Host" || each === "definePlugin"))
    return wrong("only index.ts knows the host; its siblings take bytes and return values");
  return undefined;
}

function* everyImport() {
  for (const { path, imports } of sources) for (const each of imports) yield { path, each };
}

/** Fails with every violation at once. */
function report(find: () => Iterable<string>): void {
  const violations = [...find()];
  assert.equal(violations.length, 0, `\n${violations.join("\n")}\n`);
}
