// The channels of a finished guide, kept beside it so that other styles and parts can be made without another merge.
import { createReadStream } from "node:fs";
import { createPacer } from "../clock.ts";
import { formatChannel } from "../formats/xmltv/channel.ts";
import type { GuideStyle } from "../types.ts";

export interface ChannelRecord {
  readonly id: string;
  readonly name: string;
  readonly number: string;
  readonly logo?: string;
  readonly instances: readonly string[];
  /** The source's own element with the output's id; absent when no source has one. */
  readonly element?: string;
}

/** The element as a style wants it; `plain` is the source's own. */
export function channelText(channel: ChannelRecord, style: GuideStyle): string {
  if (style !== "plain") return formatChannel(channel, style);
  return channel.element === undefined ? formatChannel(channel, "kodi") : `  ${channel.element}\n`;
}

/** The elements of one instance's channels, or of all, read piece by piece. */
export async function* readChannels(
  path: string,
  style: GuideStyle,
  instance: string | undefined,
): AsyncIterable<string> {
  const pacer = createPacer();
  let rest = "";
  for await (const piece of createReadStream(path, { encoding: "utf8" }) as AsyncIterable<string>) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const channel = JSON.parse(line) as ChannelRecord;
      if (instance === undefined || channel.instances.includes(instance)) yield channelText(channel, style);
      if (pacer.due()) await pacer.rest();
    }
  }
}
