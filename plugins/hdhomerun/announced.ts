// A device as it is told of on the network, and where it is found.

/** What discovery needs to know of a device; asked at every question, so that it may change. */
export interface AnnouncedDevice {
  /** Eight hexadecimal digits. */
  readonly id: string;
  /** The UDN without `uuid:`. */
  readonly uuid: string;
  /** 1–255. */
  readonly tuners: number;
  /** Where it answers HTTP; 0: not yet, and nobody is told of it. */
  readonly port: number;
  /** An IPv4 address in place of that of the network; absent: each network gets its own. */
  readonly host?: string;
  readonly name: string;
  /** The model's number, such as HDHR5-4US. */
  readonly model: string;
  /** What the firmware of that model is called, such as hdhomerun5_atsc; absent: as the model. */
  readonly firmware?: string;
  /** Version of the firmware. */
  readonly version: string;
  /** What a tuner shows, counted from 0: the number and the name of a channel; nothing: it is free. */
  status(tuner: number): { readonly channel?: string; readonly program?: string };
}

/** The device's address without a slash at its end, for who reaches us at `own`; at most 28 characters with IPv4. */
export function baseUrl({ host, port }: AnnouncedDevice, own: string): string {
  return `http://${formatAddress(host ?? own)}:${port}`;
}

/** A host as it stands in an address: IPv6 in brackets. */
export function formatAddress(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
