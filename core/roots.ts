// Which instances answer at the root of the server beside their own address: those that are the only one of their plugin.
import type { AnyElysia } from "elysia";
import type { Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";

/** An instance that runs. */
export interface Rooted {
  readonly name: string;
  readonly mount: string;
  /** Its routes for the root, if it has any. */
  readonly root: ((app: AnyElysia) => AnyElysia) | undefined;
}

export interface Roots {
  /** Mounts and unmounts so that it is as it should be now. `uses` says what each configured instance is made of. */
  arrange(uses: readonly { readonly name: string; readonly use: string }[], running: Iterable<Rooted>): void;
}

export function createRoots(o: {
  readonly mounts: {
    mount(name: string, prefix: string, app: AnyElysia): void;
    unmount(name: string): void;
    createApp(prefix: string): AnyElysia;
  };
  readonly log: Logger;
}): Roots {
  /** By name of the instance: its routes there, which are another function after it was set up anew. */
  const mounted = new Map<string, Rooted["root"]>();
  const nameOf = (instance: string) => `${instance} at the root`;

  return {
    arrange(uses, running) {
      const counts = new Map<string, number>();
      for (const { use } of uses) counts.set(use, (counts.get(use) ?? 0) + 1);
      const alone = new Set(uses.filter(({ use }) => counts.get(use) === 1).map(({ name }) => name));
      const wanted = [...running].filter(({ name, mount, root }) => root && mount !== "/" && alone.has(name));
      for (const [name, root] of mounted) {
        if (wanted.some((each) => each.name === name && each.root === root)) continue;
        o.mounts.unmount(nameOf(name));
        mounted.delete(name);
      }
      for (const { name, root } of wanted) {
        if (!root || mounted.has(name)) continue;
        // What is said once is not said again at every change.
        mounted.set(name, root);
        try {
          o.mounts.mount(nameOf(name), "/", root(o.mounts.createApp("/")));
        } catch (error) {
          o.log.warn(`${name} cannot answer at the root: ${reasonOf(error)}`);
        }
      }
    },
  };
}
