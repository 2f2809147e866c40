// The lists of channels as each version of movistar-u7d writes them, byte for byte.

export type Style = "old" | "5.x" | "next";

export interface ListedChannel {
  readonly id: string;
  readonly number: string;
  readonly name: string;
  /** Name of the logo's file. */
  readonly logo?: string;
}

export interface ListOptions {
  readonly style: Style;
  /** Where the addresses begin, without a slash at its end. */
  readonly base: string;
  /** The list of what is in the cloud. */
  readonly cloud: boolean;
}

const kodi = [
  "#KODIPROP:inputstream=inputstream.ffmpegdirect",
  "#KODIPROP:inputstream.ffmpegdirect.stream_mode=timeshift",
  "#KODIPROP:inputstream.ffmpegdirect.is_realtime_stream=true",
];

export function formatList(channels: readonly ListedChannel[], o: ListOptions): string {
  const { style, base, cloud } = o;
  const lines = [headerOf(o)];
  const at = `${base}${cloud ? "/cloud" : ""}`;
  const groups = `${cloud ? "Cloud" : style === "next" ? "U7D" : "IPTV"} - TDT Movistar.es`;
  for (const { id, number, name, logo } of channels) {
    const numbered = style === "old" ? `tvg-chnum="${number}"` : `ch-number="${number}"`;
    const image = logo === undefined ? "" : ` tvg-logo="${base}/Logos/${logo}"`;
    const source = style === "old" ? ` catchup-source="${at}/${id}/{utc}-{duration}.ts"` : "";
    const track = style === "next" ? ' audio-track="2"' : "";
    const attributes = `${numbered}${track} tvg-id="${id}.movistar.tv" group-title="${groups}"${image}${source}`;
    lines.push(`#EXTINF:-1 ${attributes},${oneLine(name)}`);
    if (style === "old") lines.push(...kodi);
    lines.push(`${at}/${id}/${style === "old" ? "live" : "mpegts"}`);
  }
  return `${lines.join("\n")}\n`;
}

function headerOf({ style, base, cloud }: ListOptions): string {
  const name = `name="${cloud ? "Cloud " : ""}MovistarTV"`;
  const guide = `url-tvg="${base}/${cloud ? "cloud" : "guide"}.xml${style === "old" || cloud ? "" : ".gz"}"`;
  if (style === "old")
    return `#EXTM3U ${name} catchup="flussonic" catchup-days=${cloud ? 365 : 8} dlna_extras=mpeg_ps_pal ${guide}`;
  const extras = `${style === "5.x" ? "dlna_extras=mpeg_ps_pal " : ""}max-conn="12" refresh="1200"`;
  return `#EXTM3U ${name} catchup="flussonic-ts" catchup-days="${cloud ? 9999 : 8}" ${extras} ${guide}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
