// What pvr.iptvsimple and its like make of a playlist's entry when somebody wants the past: written after their rules, not ours.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are the playlists' own.

export interface PlaylistEntry {
  readonly url: string;
  readonly mode: string;
  readonly source?: string | undefined;
}

export interface Asked {
  readonly at: number;
  readonly until: number;
  readonly now: number;
  readonly zone: string;
}

/** The address that the player opens; undefined when it offers no catch-up for such an entry. */
export function openPast(entry: PlaylistEntry, asked: Asked): string | undefined {
  const template = templateFor(entry);
  return template === undefined ? undefined : expand(template, asked);
}

function templateFor({ url, mode, source }: PlaylistEntry): string | undefined {
  if (mode === "default") return source;
  if (mode === "append") return source && url + source;
  if (mode === "shift" || mode === "timeshift") return `${url}${url.includes("?") ? "&" : "?"}utc={utc}&lutc={lutc}`;
  if (mode === "xc") {
    const live = /^(https?:\/\/[^/]+)\/(?:live\/)?([^/]+)\/([^/]+)\/([^/.]+)(\.m3u8?)?$/.exec(url);
    return (
      (live &&
        `${live[1]}/timeshift/${live[2]}/${live[3]}/{duration:60}/{Y}-{m}-{d}:{H}-{M}/${live[4]}${live[5] ?? ".ts"}`) ??
      undefined
    );
  }
  if (!/^(fs|flussonic)/.test(mode)) return undefined;
  const known = /^(https?:\/\/[^/]+)\/(.*)\/([^/]*)(mpegts|\.m3u8)(\?.+=.+)?$/.exec(url);
  if (known) {
    const [, host, channel, list, kind, query = ""] = known;
    if (kind === "mpegts") return `${host}/${channel}/timeshift_abs-\${start}.ts${query}`;
    return `${host}/${channel}/${list === "index" ? "" : `${list}-`}timeshift_rel-{offset:1}.m3u8${query}`;
  }
  const [, host, channel, , query = ""] = /^(https?:\/\/[^/]+)\/(.*)\/([^?]*)(\?.+=.+)?$/.exec(url) ?? [];
  if (!host) return undefined;
  if (mode === "fs" || mode === "flussonic-ts") return `${host}/${channel}/timeshift_abs-\${start}.ts${query}`;
  return `${host}/${channel}/timeshift_rel-{offset:1}.m3u8${query}`;
}

/** The clock by way of a locale that writes dates as ISO 8601 does. */
function clock(at: number, zone: string): readonly [year: string, ...rest: string[]] {
  const [year = "", ...rest] = new Date(at).toLocaleString("sv-SE", { timeZone: zone }).split(/[- :]/);
  return [year.padStart(4, "0"), ...rest];
}

function expand(template: string, { at, until, now, zone }: Asked): string {
  let address = template;
  const put = (placeholder: string, value: string | number) => {
    address = address.split(placeholder).join(String(value));
  };
  const letters = ["Y", "m", "d", "H", "M", "S"];
  for (const [index, part] of clock(at, zone).entries()) put(`{${letters[index]}}`, part);
  const moments = { utc: at, start: at, utcend: until, end: until, lutc: now, now, timestamp: now };
  for (const [name, value] of Object.entries(moments)) {
    put(`\${${name}}`, Math.floor(value / 1000));
    put(`{${name}}`, Math.floor(value / 1000));
  }
  const lengths = { duration: until - at, offset: now - at };
  for (const [name, value] of Object.entries(lengths)) {
    put(`\${${name}}`, Math.floor(value / 1000));
    for (const divisor of [1, 60]) put(`{${name}:${divisor}}`, Math.floor(value / 1000 / divisor));
  }
  // Not pvr.iptvsimple's: the players that know this pattern.
  put("${(b)yyyyMMddHHmmss}", clock(at, zone).join(""));
  put("${(e)yyyyMMddHHmmss}", clock(until, zone).join(""));
  return address;
}
