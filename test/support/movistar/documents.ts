// What the emulator says of itself: the XML of discovery and the binary guide, written by the reference and not by our own readers.
import { Buffer } from "node:buffer";
import type { WorldChannel, WorldEvent } from "./world.ts";

export interface GroupAddress {
  readonly address: string;
  readonly port: number;
}

const wrap = (body: string) =>
  Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<ServiceDiscovery xmlns="urn:dvb:ipisdns:2006">\n${body}\n</ServiceDiscovery>\n`,
  );
const escapeXml = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Payload 0x01. The first would match a search for `DEM_19` without its dot. */
export function formatProviders(demarcation: number, provider: GroupAddress): Buffer {
  const one = (name: string, { address, port }: GroupAddress) =>
    `<ServiceProvider DomainName="${name}.imagenio.es" Version="1"><Offering><Push Address="${address}" Port="${port}"/></Offering></ServiceProvider>`;
  const wrong = { address: "239.255.0.1", port: 1 };
  return wrap(
    `<ServiceProviderDiscovery Version="1">${one(`DEM_${demarcation}9`, wrong)}\n${one(`DEM_${demarcation}`, provider)}\n${one("DEM_1", wrong)}</ServiceProviderDiscovery>`,
  );
}

/** Payload 0x02. `padding` makes it as long as is wished. */
export function formatChannels(
  channels: readonly WorldChannel[],
  addressOf: (channel: WorldChannel) => GroupAddress,
  padding = 0,
): Buffer {
  const locationOf = (channel: WorldChannel) => {
    if (channel.elsewhere === "nowhere") return "";
    if (channel.elsewhere === "http") return "<HTTPURL>http://nowhere.example/</HTTPURL>";
    const { address, port } = addressOf(channel);
    return `<IPMulticastAddress Port="${port}" Address="${address}"/>`;
  };
  const services = channels.map((channel) => {
    const replacement = channel.replacement
      ? `<ReplacementService><TextualIdentifier ServiceName="${channel.replacement}"/></ReplacementService>`
      : "";
    return `<SingleService><ServiceLocation>${locationOf(channel)}</ServiceLocation><TextualIdentifier ServiceName="${channel.id}" logoURI="${channel.id}.jpg"/><SI ServiceType="1" ServiceInfo="0"><Name Language="ENG">${escapeXml(channel.name)}</Name><ShortName Language="ENG">${escapeXml(channel.name.slice(0, 4))}</ShortName><Description Language="ENG">${escapeXml(channel.name)}</Description><Genre><Name>Series</Name></Genre>${replacement}</SI></SingleService>`;
  });
  const comment = padding > 0 ? `<!--${"x".repeat(padding)}-->` : "";
  return wrap(
    `<BroadcastDiscovery DomainName="imagenio.es" Version="1"><ServiceList>${comment}${services.join("\n")}</ServiceList></BroadcastDiscovery>`,
  );
}

/** Payload 0x05. */
export function formatPackages(channels: readonly WorldChannel[]): Buffer {
  const names = [...new Set(channels.flatMap(({ packages }) => Object.keys(packages)))];
  const packages = names.map((name, index) => {
    const services = channels
      .filter(({ packages }) => name in packages)
      .map(
        ({ id, packages }) =>
          `<Service><TextualID ServiceName="${id}"/><LogicalChannelNumber>${packages[name]}</LogicalChannelNumber></Service>`,
      );
    return `<Package Id="${index + 1}"><PackageName Language="ENG">${name}</PackageName>${services.join("")}</Package>`;
  });
  return wrap(`<PackageDiscovery DomainName="imagenio.es" Version="1">${packages.join("\n")}</PackageDiscovery>`);
}

/** Payload 0x06: a group for each day, the segments of the first named. */
export function formatIndex(
  demarcation: number,
  days: readonly (GroupAddress & { readonly services: readonly number[] })[],
): Buffer {
  const sources = days.map(({ address, port, services }, day) => {
    const segments = services.map((id) => `<Segment ID="0x${id.toString(16)}" Version="0"/>`).join("");
    return `<DVBBINSTP Source="EPG_${day}_BIN.imagenio.es" Port="${port}" Address="${address}"><PayloadId Id="0xF1">${segments}</PayloadId><PayloadId Id="0xF2"/></DVBBINSTP>`;
  });
  return wrap(
    `<BCGDiscovery DomainName="DEM_${demarcation}.imagenio.es" Version="1"><BCG Id="p_f"><Name Language="eng">Present/Following</Name><TransportMode><DVBSTP Port="3937" Address="239.255.0.2"/></TransportMode><TargetProvider>DEM_${demarcation}.imagenio.es</TargetProvider></BCG><BCG Id="EPG"><Name Language="eng">Guide</Name><TransportMode>${sources.join("\n")}</TransportMode></BCG></BCGDiscovery>`,
  );
}

const hide = (text: string) => Buffer.from(text).map((octet) => octet ^ 0x15);

/** Payload 0xf1: a service's day. */
export function formatDay(service: number, version: number, events: readonly WorldEvent[]): Buffer {
  const url = Buffer.from(`${service}.imagenio.es`);
  const head = Buffer.alloc(7);
  head.writeUInt16BE(service, 3);
  head[5] = version;
  head[6] = url.length;
  return Buffer.concat([head, url, ...events.map(formatEvent), Buffer.alloc(4)]);
}

function formatEvent(event: WorldEvent): Buffer {
  const title = hide(event.title);
  const series = hide(event.series);
  const head = Buffer.alloc(32);
  head.writeUInt32BE(event.pid, 0);
  head.writeUInt32BE(event.start, 4);
  head.writeUInt16BE(event.duration, 8);
  head[20] = event.genre;
  head[24] = event.age;
  head[31] = title.length;
  const block = Buffer.alloc(13);
  block[0] = 0xf1;
  block.writeUInt16BE(event.seriesId, 5);
  block[8] = event.episode;
  block.writeUInt16BE(event.year, 9);
  block[11] = event.season;
  block[12] = series.length;
  const rest = Buffer.from("default|STOVER");
  return Buffer.concat([head, title, block, series, Buffer.from([0, 0, 0, rest.length]), rest]);
}
