// Answers as browsers' players on other pages can read them.

const open = { "access-control-allow-origin": "*" };

export const playlistType = "application/vnd.apple.mpegurl";

export function replyPlaylist(text: string): Response {
  return new Response(text, { headers: { ...open, "content-type": playlistType, "cache-control": "no-store" } });
}

/** @param maxAge milliseconds for which it may be used without asking again */
export function replyPart(bytes: Uint8Array, type: string, maxAge: number): Response {
  return new Response(new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length), {
    headers: {
      ...open,
      "content-type": type,
      "content-length": String(bytes.length),
      "cache-control": `private, max-age=${Math.floor(maxAge / 1000)}`,
    },
  });
}

/** @param location relative to the request's address */
export function replyElsewhere(location: string): Response {
  return new Response(null, { status: 302, headers: { ...open, location, "cache-control": "no-store" } });
}
