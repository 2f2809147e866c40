// The web page: cameras, and how the headend is; for people, at `/dashboard/`.
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { staticPlugin } from "@elysiajs/static";
import { z } from "zod";
import { definePlugin, stripTypes } from "../../core/plugin.ts";
import { folders, readIndex, readPage } from "./page.ts";

/** Nothing from elsewhere, nothing inline; pictures and players of our own. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "worker-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const safe = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
} as const;

export default definePlugin({
  name: "dashboard",
  api: 1,
  config: z.strictObject({}).meta({ description: "The web page: cameras, and how the headend is." }),
  async setup(host) {
    const { cache } = host;
    const { files, version } = await readPage(stripTypes);
    const kept = "page/version";
    if ((await cache.read(kept)) !== version) {
      await rm(dirname(cache.path(kept)), { recursive: true, force: true });
      await Promise.all(
        files.map(async ({ folder, name, content }) => cache.write(`page/${folder}/${name}`, await content())),
      );
      await cache.write(kept, version);
    }
    const index = await readIndex();
    const served = await Promise.all(
      Object.entries(folders).map(([folder, type]) =>
        staticPlugin({
          assets: dirname(cache.path(`page/${folder}/any`)),
          prefix: `/${folder}`,
          alwaysStatic: true,
          headers: { ...safe, "content-type": type, "Cache-Control": "no-cache" },
          detail: { hide: true },
          silent: true,
        }),
      ),
    );

    function page(request: Request): Response {
      const { pathname } = new URL(request.url);
      // Names in the page are relative to it.
      if (!pathname.endsWith("/")) return elsewhere(`${pathname.slice(pathname.lastIndexOf("/") + 1)}/`);
      const body = index("../".repeat(pathname.split("/").length - 2) || "./");
      const headers = { ...safe, "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" };
      return new Response(body, { headers });
    }

    return {
      routes(app) {
        app.get("/", ({ request }) => page(request), { detail: { summary: "The web page" } });
        app.get(
          "/me",
          ({ request }) => {
            const { user, admin } = host.viewer(request);
            return Response.json(
              { admin, ...(user === undefined ? {} : { user }) },
              { headers: { "cache-control": "no-store" } },
            );
          },
          { detail: { summary: "Who asks: the user, and whether they may change things" } },
        );
        for (const folder of served) app.use(folder);
        return app;
      },
      root: (app) =>
        app.get("/hls_gateway/admin/list", ({ request }) => elsewhere(`${host.baseUrl(request)}/${host.name}/`), {
          detail: { hide: true },
        }),
    };
  },
});

/** @param location relative to the request's address, or whole */
function elsewhere(location: string): Response {
  return new Response(null, { status: 302, headers: { location, "cache-control": "no-store" } });
}
