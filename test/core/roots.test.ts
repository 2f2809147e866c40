// Who answers at the root of the server: an instance that is the only one of its plugin.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Elysia } from "elysia";
import { createRoots, type Rooted } from "../../core/roots.ts";

function rig() {
  const mounted: string[] = [];
  const lines: string[] = [];
  const say = (sentence: string) => void lines.push(sentence);
  const roots = createRoots({
    mounts: {
      mount(name) {
        if (name.startsWith("clash")) throw new Error("both claim /x");
        mounted.push(name);
      },
      unmount(name) {
        const at = mounted.indexOf(name);
        if (at >= 0) mounted.splice(at, 1);
      },
      createApp: () => new Elysia(),
    },
    log: { debug: say, info: say, warn: say, error: say },
  });
  return { roots, mounted, lines };
}

const instance = (name: string, more: Partial<Rooted> = {}): Rooted => ({
  name,
  mount: `/${name}`,
  root: (app) => app,
  ...more,
});
const uses = (...names: readonly string[]) => names.map((name) => ({ name, use: "device" }));

test("arrange() mounts the only one, and nobody while there are two", () => {
  const { roots, mounted } = rig();
  const den = instance("den");
  roots.arrange(uses("den"), [den]);
  roots.arrange(uses("den"), [den]);
  assert.deepEqual(mounted, ["den at the root"]);
  // The second may still be starting, or may have failed: the user wants two.
  roots.arrange(uses("den", "attic"), [den]);
  assert.deepEqual(mounted, []);
  roots.arrange(uses("attic"), [instance("attic")]);
  assert.deepEqual(mounted, ["attic at the root"]);
  roots.arrange(uses("attic"), []);
  assert.deepEqual(mounted, []);
});

test("arrange() mounts anew what was set up anew, and leaves out what is at the root already or has nothing for it", () => {
  const { roots, mounted } = rig();
  let made = 0;
  const counted = () =>
    instance("den", {
      root: (app) => {
        made++;
        return app;
      },
    });
  roots.arrange(uses("den"), [counted()]);
  roots.arrange(uses("den"), [counted()]);
  assert.equal(made, 2);
  roots.arrange(uses("den"), [instance("den", { mount: "/" })]);
  roots.arrange(uses("den"), [instance("den", { root: undefined })]);
  assert.deepEqual(mounted, []);
});

test("arrange() says once that another has an address already, and harms nobody", () => {
  const { roots, mounted, lines } = rig();
  const clash = instance("clash");
  roots.arrange(uses("clash"), [clash]);
  roots.arrange(uses("clash"), [clash]);
  assert.deepEqual(mounted, []);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /clash cannot answer at the root: both claim/);
});
