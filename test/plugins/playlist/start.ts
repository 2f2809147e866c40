// The playlist plugin on a test host, with its routes to ask.
import type { TestContext } from "node:test";
import { type AnyElysia, Elysia } from "elysia";
import { HeadendError } from "../../../core/plugin.ts";
import playlist from "../../../plugins/playlist/index.ts";
import { createTestHost, type TestHost } from "../../support/host.ts";

export interface Started {
  readonly host: TestHost & { readonly folder: string };
  get(path: string, init?: RequestInit & { host?: string }): Promise<Response>;
}

/** Sets the plugin up on a host of its own, which is closed with the test. */
export async function start(t: TestContext, options: object = {}, folder?: string): Promise<Started> {
  const host = await createTestHost("playlist", folder);
  t.after(() => host.close());
  const given = await playlist.setup(host, playlist.config.parse(options));
  const app = new Elysia({ handler: { standardHostname: false } }).onError(({ error }) =>
    error instanceof HeadendError ? new Response(error.message, { status: error.status }) : undefined,
  );
  const mounted: AnyElysia = given.routes?.(app as unknown as Elysia) ?? app;
  return {
    host,
    get: async (path, { host: name = "tv", ...init } = {}) =>
      mounted.fetch(new Request(`http://${name}${path}`, { ...init, headers: { host: name, ...init.headers } })),
  };
}
