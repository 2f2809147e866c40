// A camera as the config has it, with every key filled in; and the channel that it is.
import { parseDuration } from "../../core/formats/duration.ts";
import type { Channel, MediaWish } from "../../core/plugin.ts";
import type { Config } from "./config.ts";

export interface Camera {
  readonly nickname: string;
  /** For `host.dial()`; carries user and password. */
  readonly url: string;
  readonly media: MediaWish;
  readonly always: boolean;
  readonly channel: Channel;
}

/** All cameras of a config, in its order. */
export function readCameras({ cameras, ...defaults }: Config): Camera[] {
  return Object.entries(cameras).map(([nickname, given]) => {
    const camera = typeof given === "string" ? { url: given, always: false } : given;
    const {
      url,
      name = nickname,
      group,
      logo,
      transport,
      audio,
      video,
      linger,
      segment,
      hls,
      always,
    } = {
      ...defaults,
      ...definedOnly(camera),
    };
    return {
      nickname,
      url: withTransport(url.trim(), transport),
      media: { video, audio },
      always,
      // Its address is nobody's business: it stays out of the lineup and of what is kept of it.
      channel: {
        id: nickname,
        name,
        groups: [group],
        account: nickname,
        linger: parseDuration(linger) ?? 0,
        segment: parseDuration(segment) ?? 0,
        ...(hls === undefined ? {} : { hls: hls.mode }),
        ...(logo === undefined ? {} : { logo }),
      },
    };
  });
}

/** As RTSP addresses say how they are to be carried; what one says itself counts. */
function withTransport(url: string, transport: "auto" | "tcp" | "udp"): string {
  if (transport === "auto" || !/^rtsps?:/i.test(url) || /#.*\btransport=/i.test(url)) return url;
  return `${url}${url.includes("#") ? "&" : "#"}transport=${transport}`;
}

function definedOnly<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}
