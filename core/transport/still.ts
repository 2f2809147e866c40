// A picture of a transport stream as JPEG, by ffmpeg.
import { HeadendError } from "../errors.ts";
import { feed, startChild } from "./child.ts";
import { complaintOf, type Finding, findFfmpeg, forgetFfmpeg } from "./ffmpeg-program.ts";

/** Milliseconds for one picture. */
const limit = 10_000;
/** Bytes of a picture. */
const most = 16 * 2 ** 20;
const args = [
  ...[
    "-hide_banner",
    "-loglevel",
    "warning",
    "-nostats",
    "-protocol_whitelist",
    "pipe",
    "-f",
    "mpegts",
    "-i",
    "pipe:0",
  ],
  ...[
    "-map",
    "0:V:0",
    "-frames:v",
    "1",
    "-pix_fmt",
    "yuvj420p",
    "-c:v",
    "mjpeg",
    "-q:v",
    "4",
    "-f",
    "image2pipe",
    "pipe:1",
  ],
];
const what = "a picture";

/** Makes JPEGs of the first picture in whole packets. @throws HeadendError `dial.ffmpegless`, `dial.ffmpeg`, or the signal's reason */
export function createStill(o: Finding): (packets: Uint8Array, signal: AbortSignal) => Promise<Uint8Array> {
  return async (packets, signal) => {
    const ffmpeg = await findFfmpeg(o, what);
    signal.throwIfAborted();
    const child = startChild(ffmpeg.path, args, 1, o.clock);
    const timer = new AbortController();
    const stop = () => void child.stop();
    o.clock.sleep(limit, timer.signal).then(stop, () => {});
    signal.addEventListener("abort", stop, { once: true });
    try {
      const [pipe] = child.inputs;
      if (pipe) void feed(pipe, once(packets)).catch(() => {});
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const part of child.output as AsyncIterable<Uint8Array>) {
        parts.push(part);
        bytes += part.length;
        if (bytes > most) throw failure("the picture does not end");
      }
      const { error } = await child.ended;
      if (error) forgetFfmpeg(o.ffmpeg);
      signal.throwIfAborted();
      if (bytes === 0) throw failure(complaintOf(child.tail()) || "there is no picture in it");
      return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    } finally {
      timer.abort();
      signal.removeEventListener("abort", stop);
      await child.stop();
    }
  };
}

function failure(reason: string): HeadendError {
  return new HeadendError("dial.ffmpeg", { url: what, reason });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
