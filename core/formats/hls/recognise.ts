// Tells an HLS playlist from a list of channels by what is in it: both are called M3U, and both begin alike.
import { beginsAsHls } from "./lines.ts";

// EXTINF and PLAYLIST-TYPE are in lists of channels too.
const telling =
  /^[ \t]*#EXT-X-(?:STREAM-INF|I-FRAME-STREAM-INF|TARGETDURATION|MEDIA-SEQUENCE|MEDIA|PART-INF|MAP)(?::|[ \t]*$)/im;

/**
 * True for an HLS playlist. It begins with #EXTM3U (RFC 8216 §4.3.1.1) or, as some do that forget it, with another tag
 * of HLS, and has a tag that only HLS has.
 *
 * @param text the beginning is enough when it is some kilobytes
 * @example isHls("#EXTM3U\n#EXT-X-TARGETDURATION:6\n") // true
 * @example isHls('#EXTM3U\n#EXTINF:-1 tvg-id="la1.es",La 1\nhttp://up.example/1') // false
 */
export function isHls(text: string): boolean {
  return beginsAsHls(text) && telling.test(text);
}
