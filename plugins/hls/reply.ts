// Answers as browsers' players on other pages can read them.

const open = { "access-control-allow-origin": "*" };

export const playlistType = "application/vnd.apple.mpegurl";

/** By a name's end (RFC 8216 §3.1.2; RFC 4337, RFC 6381). */
export function typeOf(name: string): string {
  if (name.endsWith(".m4s")) return "video/iso.segment";
  return name.endsWith(".mp4") ? "video/mp4" : "video/mp2t";
}

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
