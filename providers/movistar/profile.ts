// What the web service says of the customer and the platform, with what is usual where it says nothing.
import { type Appserver, type Fields, fieldLike, fieldsOf, numberOf, textOf } from "./appserver.ts";
import { parseGroup } from "./config.ts";
import type { GroupAddress } from "./discovery.ts";

export interface Profile {
  readonly demarcation: number;
  /** Names of packages; `ALL`: every one. */
  readonly packages: readonly string[];
  readonly entryPoint: GroupAddress;
  /** Where logos and covers are, each ending with a slash. */
  readonly logos: string;
  readonly covers: string;
}

const usual = {
  demarcation: 24,
  entryPoint: { address: "239.0.2.129", port: 3937 },
  base: "http://html5-static.svc.imagenio.telefonica.net/appclientv/nux/",
} as const;

/** Asks for all of it; what does not come is what is usual, so that multicast alone is enough. */
export async function readProfile(
  appserver: Appserver,
  given: { readonly demarcation?: number | undefined; readonly entryPoint?: string | undefined },
  signal: AbortSignal,
): Promise<{ readonly profile: Profile; readonly fault?: unknown }> {
  let fault: unknown;
  const ask = async (action: string): Promise<Fields> => {
    // When no end point answers, the next question need not find that out again.
    if (fault) return {};
    try {
      return fieldsOf(await appserver.ask(action, {}, signal));
    } catch (error) {
      signal.throwIfAborted();
      fault = error;
      return {};
    }
  };
  const platform = await ask("getPlatformProfile");
  const endPoints = Object.entries(fieldsOf(platform.endPoints))
    .filter((entry): entry is [string, string] => /^https?:\/\/./.test(String(entry[1])))
    .sort(([a], [b]) => orderOf(a) - orderOf(b));
  if (endPoints.length > 0) appserver.learn(endPoints.map(([, url]) => url));
  const client = await ask("getClientProfile");
  const params = await ask("getConfigurationParams");
  const dvb = fieldsOf(platform.dvbConfig);
  const entry = given.entryPoint ?? textOf(dvb.dvbipiEntryPoint) ?? textOf(fieldLike(dvb, /entrypoint$/i)) ?? "";
  const announced = textOf(fieldLike(platform, /base.*uri$/i));
  const base = slashed(announced && /^https?:\/\/./i.test(announced) ? announced : usual.base);
  const covers = slashed(textOf(params.tvCoversPath) ?? "incoming/epg/covers/programmeImages/");
  const portrait = slashed(textOf(params.portraitSubPath) ?? "portrait/");
  return {
    profile: {
      demarcation: given.demarcation ?? numberOf(client.demarcation) ?? usual.demarcation,
      packages: (textOf(client.tvPackages) ?? "ALL").split("|").filter((name) => name !== ""),
      entryPoint: parseGroup(entry) ?? usual.entryPoint,
      logos: `${base}${slashed(textOf(params.tvChannelLogoPath) ?? "incoming/epg/channelLogo/")}`,
      covers: `${base}${covers}${portrait}290x429/`,
    },
    ...(fault === undefined ? {} : { fault }),
  };
}

/** `epNoCach4` is the fourth. */
function orderOf(name: string): number {
  return Number(/\d+/.exec(name)?.[0] ?? 0);
}

const slashed = (text: string) => (text.endsWith("/") ? text : `${text}/`);
