// An add-on of a Kodi that takes part: what it is called, and the addresses at which it is asked.

export interface AddOn {
  readonly id: string;
  readonly name: string;
  /** Its folder on this machine, where that is known. */
  readonly folder?: string | undefined;
  /** Its icon, as a path in that folder. */
  readonly icon?: string | undefined;
  readonly channels?: string | undefined;
  readonly epg?: string | undefined;
}

/** What an add-on's settings say to IPTV Manager; an absent one is an empty text. */
export interface AddOnSettings {
  readonly enabled: string;
  readonly channels: string;
  readonly epg: string;
}

/** Ids of the three settings. */
export const settingIds = { enabled: "iptv.enabled", channels: "iptv.channels_uri", epg: "iptv.epg_uri" } as const;

/** The add-on that hands this headend's own channels to Kodi: they do not come back. */
const own = "plugin.video.headend";

/** Undefined when it does not take part: it is not enabled, or has nothing to be asked at. */
export function takePart(addOn: Omit<AddOn, "channels" | "epg">, settings: AddOnSettings): AddOn | undefined {
  const { enabled, channels, epg } = settings;
  if (enabled !== "true" || addOn.id === own || (channels === "" && epg === "")) return undefined;
  return { ...addOn, ...(channels && { channels }), ...(epg && { epg }) };
}
