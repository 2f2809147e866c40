// What a device says of itself and its channels, as HDHomeRun and UPnP clients read it (https://info.hdhomerun.com/info/http_api).
import { formatPlaylist } from "../../core/formats/m3u.ts";
import { escapeText } from "../../core/formats/xmltv/index.ts";
import type { LineupChannel } from "../../core/plugin.ts";
import type { DeviceChannel } from "./channels.ts";
import type { Identity } from "./identity.ts";

/** A device as its clients know it. */
export interface Device extends Identity {
  readonly name: string;
  readonly model: string;
  readonly tuners: number;
}

/** The firmware of the model that it is taken for; clients look for no more in it than that it is not ancient. */
export const firmware = { name: "hdhomerun5_atsc", version: "20250815" } as const;

/** Plex takes tuners for its own by this name. */
const manufacturer = "Silicondust";

/** `/discover.json`. `base` is the device's address, without a slash at its end; so in all that follow. */
export function formatDiscover(device: Device, base: string): string {
  return JSON.stringify({
    FriendlyName: device.name,
    Manufacturer: manufacturer,
    ModelNumber: device.model,
    FirmwareName: firmware.name,
    FirmwareVersion: firmware.version,
    DeviceID: device.id,
    DeviceAuth: device.auth,
    BaseURL: base,
    LineupURL: `${base}/lineup.json`,
    TunerCount: device.tuners,
  });
}

/** `/lineup_status.json`; with `progress`, in per cent, while a scan is running. */
export function formatStatus(progress: number | undefined, channels: () => number): string {
  if (progress === undefined)
    return JSON.stringify({ ScanInProgress: 0, ScanPossible: 1, Source: "Cable", SourceList: ["Cable"] });
  const found = Math.floor((channels() * progress) / 100);
  return JSON.stringify({ ScanInProgress: 1, Progress: progress, Found: found });
}

/** No query: clients put their own behind it. */
const addressOf = ({ number }: LineupChannel, base: string) => `${base}/auto/v${number}`;

/** `/lineup.json`; with `everything` also the channels that a client has hidden. An array at all times. */
export function formatLineup(channels: readonly DeviceChannel[], base: string, everything: boolean): string {
  const entries = shown(channels, everything).map(({ channel, mark }) =>
    JSON.stringify({
      GuideNumber: channel.number,
      GuideName: channel.name,
      ...(mark === "favourite" ? { Favorite: 1 } : {}),
      ...(everything ? { Enabled: mark === "hidden" ? 0 : 1 } : {}),
      URL: addressOf(channel, base),
    }),
  );
  return `[${entries.join(",\n")}]`;
}

/** `/lineup.xml`. */
export function formatLineupXml(channels: readonly DeviceChannel[], base: string, everything: boolean): string {
  const entries = shown(channels, everything).map(
    ({ channel, mark }) =>
      `<Program><GuideNumber>${channel.number}</GuideNumber><GuideName>${escapeText(channel.name)}</GuideName>${
        mark === "favourite" ? "<Favorite>1</Favorite>" : ""
      }${everything ? `<Enabled>${mark === "hidden" ? 0 : 1}</Enabled>` : ""}<URL>${escapeText(addressOf(channel, base))}</URL></Program>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Lineup>\n${entries.join("")}</Lineup>\n`;
}

/** `/lineup.m3u`. */
export function formatLineupM3u(channels: readonly DeviceChannel[], base: string, guide: string): string {
  const entries = shown(channels, false).map(({ channel }): LineupChannel => {
    // What upstream says of its own addresses is not for these.
    const { id, instance, name, number, guideId, groups, logo, radio } = channel;
    const own = { id, instance, name, number, guideId, alternates: [], url: addressOf(channel, "") };
    return { ...own, ...(groups && { groups }), ...(logo && { logo }), ...(radio && { radio }) };
  });
  return [...formatPlaylist(entries, { base, guide })].join("");
}

/** `/device.xml`: the UPnP description (UPnP Device Architecture 1.0 §2.1). */
export function formatDescription(device: Device, base: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
  <specVersion><major>1</major><minor>0</minor></specVersion>
  <URLBase>${escapeText(base)}</URLBase>
  <device>
    <deviceType>urn:schemas-upnp-org:device:MediaServer:1</deviceType>
    <friendlyName>${escapeText(device.name)}</friendlyName>
    <manufacturer>${manufacturer}</manufacturer>
    <modelName>${escapeText(device.model)}</modelName>
    <modelNumber>${escapeText(device.model)}</modelNumber>
    <serialNumber>${device.id}</serialNumber>
    <UDN>uuid:${device.uuid}</UDN>
    <presentationURL>${escapeText(base)}/</presentationURL>
  </device>
</root>
`;
}

/** The page for people: which address goes where. */
export function formatPage(device: Device, base: string, channels: number, warning: string | undefined): string {
  const rows = [
    ["Plex, Emby, Channels: the tuner, where it is not found by itself", base],
    ["Jellyfin: tuner of the type HDHomeRun", base],
    ["Plex: the guide (XMLTV)", `${base}/guide.xml?style=plex`],
    ["Jellyfin, Emby: the guide (XMLTV)", `${base}/guide.xml.gz?style=jellyfin`],
    ["M3U players: the playlist", `${base}/lineup.m3u`],
  ] as const;
  const items = rows.map(([what, address]) => `<dt>${what}</dt><dd><code>${escapeText(address)}</code></dd>\n`);
  const heading = escapeText(device.name);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${heading}</title></head>
<body>
<h1>${heading}</h1>
<p>${escapeText(device.model)} ${device.id}, ${device.tuners} tuners, ${channels} channels</p>
${warning ? `<p><strong>${escapeText(warning)}</strong></p>\n` : ""}<dl>
${items.join("")}</dl>
</body>
</html>
`;
}

function shown(channels: readonly DeviceChannel[], everything: boolean): readonly DeviceChannel[] {
  return everything ? channels : channels.filter(({ mark }) => mark !== "hidden");
}
