// The addresses of cameras by nickname: where they are watched, what their playlists name, and what they show now.
import type { AnyElysia } from "elysia";
import { HeadendError } from "../../core/plugin.ts";

export interface RoutesOptions {
  /** The channel's id in the lineup; undefined: no camera has this nickname. */
  channel(nickname: string): string | undefined;
  /** A JPEG; `open`: the camera may be opened for it. */
  snapshot(nickname: string, request: Request, open: boolean): Promise<Uint8Array>;
  baseUrl(request: Request): string;
}

/** @param prefix what stands before them: `""`, or the old `/hls_gateway` */
export function addRoutes(app: AnyElysia, prefix: string, o: RoutesOptions): AnyElysia {
  const elsewhere = (request: Request, nickname: string, rest: string): Response => {
    const channel = o.channel(nickname);
    if (channel === undefined) throw new HeadendError("not.found");
    const location = `${o.baseUrl(request)}/live/${encodeURIComponent(channel)}${rest}${new URL(request.url).search}`;
    return new Response(null, {
      status: 302,
      headers: { location, "cache-control": "no-store", "access-control-allow-origin": "*" },
    });
  };
  return app
    .get(`${prefix}/watch/:nickname`, ({ request, params: { nickname } }) => elsewhere(request, nickname, ".m3u8"))
    .get(`${prefix}/watch/:nickname/`, ({ request, params: { nickname } }) => elsewhere(request, nickname, ".m3u8"))
    .get(`${prefix}/read/:nickname/:file`, ({ request, params: { nickname, file } }) => {
      if (!/^[\w.-]+$/.test(file)) throw new HeadendError("not.found");
      return elsewhere(request, nickname, file.endsWith(".m3u8") ? ".m3u8" : `/m3u8/live/${file}`);
    })
    .get(`${prefix}/snapshot/:file`, async ({ request, params: { file } }) => {
      const nickname = /^([\w-]+)\.jpe?g$/i.exec(file)?.[1] ?? "";
      if (o.channel(nickname) === undefined) throw new HeadendError("not.found");
      const open = new URL(request.url).searchParams.get("open") !== "no";
      const bytes = await o.snapshot(nickname, request, open);
      return new Response(bytes as Uint8Array<ArrayBuffer>, {
        headers: {
          "content-type": "image/jpeg",
          "cache-control": "private, max-age=1",
          "access-control-allow-origin": "*",
        },
      });
    });
}
