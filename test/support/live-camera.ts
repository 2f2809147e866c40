// A camera on loopback that is filming: whoever plays gets what it sends from then on, amid a group of pictures, at its own pace.
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { packetise, parsed, splitUnits } from "../core/formats/rtp/packetise.ts";
import { convertClip, makeClip } from "./media.ts";
import { openRtspServer, type RtspServer, type RtspServerOptions } from "./rtsp.ts";

export interface LiveCamera {
  readonly server: RtspServer;
  /** `rtsp://user:pass%20word@127.0.0.1:<port>/stream` */
  readonly url: string;
  /** False: it keeps connections and sends nothing. */
  filming: boolean;
  /** Of the packets, this share is lost, from 0 to 1. */
  loss: number;
  /** When the last key frame began to be sent, by performance.now(). */
  readonly keyAt: number;
  /** From the next group on it films in another size, such as `640x360`. */
  film(o: { readonly size: string }): Promise<void>;
  close(): Promise<void>;
}

export interface LiveCameraOptions extends Partial<Omit<RtspServerOptions, "sdp" | "packets">> {
  /** Frames from key frame to key frame, at 25 a second; default 25. */
  readonly gop?: number;
  /** Bits a second; default 500,000. */
  readonly bitrate?: number;
}

/** As cameras describe themselves: with their parameters (RFC 6184 §8.1). */
const sdpOf = (parameters: string) =>
  [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=camera",
    "t=0 0",
    "a=control:*",
    "m=video 0 RTP/AVP 96",
    "a=rtpmap:96 H264/90000",
    `a=fmtp:96 packetization-mode=1;sprop-parameter-sets=${parameters}`,
    "a=control:track1",
    "",
  ].join("\r\n");

/** Ticks of 90 kHz, and milliseconds, from picture to picture. */
const step = 3600;
const pause = 40;
const sequences = new Map<string, Promise<Film>>();

interface Film {
  /** Base64, separated by a comma. */
  readonly parameters: string;
  readonly pictures: readonly Picture[];
}

interface Picture {
  readonly key: boolean;
  readonly packets: readonly Uint8Array[];
}

/** Pictures of one group or more, that can be sent again and again. */
function readPictures(gop: number, bitrate: number, size?: string): Promise<Film> {
  const name = `${gop}-${bitrate}${size ? `-${size}` : ""}`;
  const known = sequences.get(name);
  if (known) return known;
  const making = (async () => {
    const clip = await makeClip("h264", { seconds: Math.max(4, gop / 25), gop, bitrate });
    const path = await convertClip(clip, `live-camera-${name}.h264`, [
      "-an",
      ...(size ? ["-s", size, "-c:v", "libx264", "-preset", "ultrafast", "-g", String(gop)] : []),
      ...["-f", "h264"],
    ]);
    const access: Uint8Array[][] = [[]];
    for (const unit of splitUnits(new Uint8Array(await readFile(path)))) {
      access.at(-1)?.push(unit);
      if (((unit[0] ?? 0) & 0x1f) <= 5) access.push([]);
    }
    const sets = [7, 8].map((type) => access[0]?.find(([first = 0]) => (first & 0x1f) === type));
    const parameters = sets.map((unit) => Buffer.from(unit ?? []).toString("base64")).join();
    const pictures = access
      .filter((units) => units.length > 0)
      .map((units) => ({
        key: units.some((unit) => ((unit[0] ?? 0) & 0x1f) === 5),
        packets: packetise([units], { codec: "h264", aggregate: true }),
      }));
    return { parameters, pictures };
  })();
  sequences.set(name, making);
  return making;
}

export async function openLiveCamera(o: LiveCameraOptions = {}): Promise<LiveCamera> {
  const { gop = 25, bitrate = 500_000, ...rest } = o;
  const { parameters, pictures } = await readPictures(gop, bitrate);
  let showing = pictures;
  /** Picture at which that began. */
  let first = 0;
  const server = await openRtspServer({ wants: "digest", ...rest, sdp: sdpOf(parameters) });
  let count = 0;
  let sequence = 0;
  let random = 1;
  const began = performance.now();
  const camera = {
    server,
    url: server.url.replace("://", "://user:pass%20word@"),
    filming: true,
    loss: 0,
    keyAt: 0,
    async film({ size }: { readonly size: string }) {
      const { pictures } = await readPictures(gop, bitrate, size);
      // It begins with a key frame.
      while ((count - first) % showing.length !== 0) await sleep(5);
      showing = pictures;
      first = count;
    },
    async close() {
      clearInterval(timer);
      await server.close();
    },
  };
  const send = () => {
    const { key, packets } = showing[(count - first) % showing.length] ?? { key: false, packets: [] };
    const timestamp = (count * step) >>> 0;
    count++;
    if (key) camera.keyAt = performance.now();
    const sent = packets.map((packet) => {
      const copy = new Uint8Array(packet);
      const view = new DataView(copy.buffer);
      view.setUint16(2, sequence++ & 0xffff);
      view.setUint32(4, timestamp);
      return copy;
    });
    // The same losses in every run.
    const lucky = () => {
      random = (random * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      return random / 0x8000_0000 >= camera.loss;
    };
    if (camera.filming) server.send(sent.filter((packet) => parsed(packet) && (camera.loss === 0 || lucky())));
  };
  const timer = setInterval(() => {
    while (performance.now() - began >= count * pause) send();
  }, 10);
  return camera;
}
