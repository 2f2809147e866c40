// The variables by which movistar-u7d was told what to do, as far as they still mean something here.
import { isIP } from "node:net";
import type { EnvironmentForm } from "../../core/plugin.ts";

/** Any of these says that movistar-u7d is meant; `LAN_IP` alone may be another program's. */
const telling = ["SANIC_PORT", "U7D_PORT", "IPTV_BW", "IPTV_BW_HARD", "IPTV_IFACE", "EXTRA_CHANNELS"] as const;
const usualPort = 8888;
/** Kilobits a second: more than the first is taken for the second; and what a line has, which stands for no limit. */
const mostAsked = 90_000;
const asked = 85_000;
const line = 100_000;

/** @returns undefined when none of the variables is set that are movistar-u7d's own */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): EnvironmentForm | undefined {
  const read = (name: string) => env[name]?.trim() || undefined;
  if (!telling.some((name) => read(name) !== undefined)) return undefined;
  const problems: { variable: string; reason: string }[] = [];
  const number = (name: string, most: number, what: string): number | undefined => {
    const text = read(name);
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text) && Number(text) <= most) return Number(text);
    problems.push({ variable: name, reason: `expected ${what}` });
    return undefined;
  };
  const port = ["U7D_PORT", "SANIC_PORT"].map((name) => number(name, 65_535, "a port")).find((each) => each);
  const address = read("LAN_IP");
  if (address !== undefined && isIP(address) !== 4)
    problems.push({ variable: "LAN_IP", reason: "expected an address such as 192.168.1.2" });
  const hard = number("IPTV_BW_HARD", line, `kilobits a second, at most ${line}`);
  const soft = number("IPTV_BW", Number.MAX_SAFE_INTEGER, "kilobits a second");
  const kilobits = hard || (soft !== undefined && soft > mostAsked ? asked : soft);
  const extra = read("EXTRA_CHANNELS")?.split(/[\s,]+/);
  if (extra?.some((id) => !/^[1-9]\d{0,8}$/.test(id)))
    problems.push({ variable: "EXTRA_CHANNELS", reason: "expected ids of channels, with spaces between them" });
  const face = read("IPTV_IFACE");
  return {
    problems,
    config: {
      listen: `${address ?? ""}:${port ?? usualPort}`,
      instances: {
        // The names of its files are the original's.
        playlist: false,
        movistar: {
          ...{ use: "movistar", mount: "/" },
          ...(face === undefined ? {} : { interface: face }),
          ...(extra ? { extra: extra.map(Number) } : {}),
          ...(kilobits === undefined ? {} : { bandwidth: `${kilobits || line}k` }),
        },
      },
    },
  };
}
