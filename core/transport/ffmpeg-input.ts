// How an address is given to ffmpeg so that its secrets are not in the list of processes, which everybody can read.
import { HeadendError } from "../errors.ts";
import { describeUrl } from "../redact.ts";
import type { Ffmpeg } from "./ffmpeg-program.ts";

/** Arguments that name an input, and what goes into its standard input. */
export interface FfmpegInput {
  readonly args: readonly string[];
  readonly script?: string;
  /** Its secrets are among the arguments, because there is no other way. */
  readonly exposed?: boolean;
}

/** An address for ffmpeg, and what goes with it. */
export interface FfmpegAddress {
  readonly url: string;
  /** The only protocols it may use, whatever what it reads says. */
  readonly protocols: readonly string[];
  /** Options of the protocol, without their dash. */
  readonly options?: Readonly<Record<string, string>>;
  /** The format to read it as; absent: as ffmpeg finds. Only for addresses without secrets. */
  readonly format?: string;
}

/** True when nobody else may see it. */
export function isSecret({ url, options = {} }: FfmpegAddress): boolean {
  return describeUrl(url) !== url || Object.keys(options).some((name) => /^(?:headers|cookies|referer)$/.test(name));
}

/**
 * An address without secrets is an argument. One with secrets is a line of a concat script on standard input. What
 * remains: options cannot be written there for ffmpeg before 5, nor more than one header beside User-Agent and Referer
 * for any; such an address stays an argument, and `exposed` says so.
 */
export function formatInput(address: FfmpegAddress, ffmpeg: Ffmpeg): FfmpegInput {
  const { url, protocols, format, options = {} } = address;
  const entries = Object.entries(options);
  if (/\p{Cc}/u.test(url)) {
    throw new HeadendError("dial.refused", { url: describeUrl(url), reason: "it has control characters" });
  }
  const secret = isSecret(address);
  const writable = entries.length === 0 || (ffmpeg.major >= 5 && !entries.some(([, value]) => /[\r\n]/.test(value)));
  if (!secret || !writable) {
    const own = entries.flatMap(([name, value]) => [`-${name}`, value]);
    const args = ["-protocol_whitelist", protocols.join(","), ...(format ? ["-f", format] : []), ...own, "-i", url];
    return { args, ...(secret && { exposed: true }) };
  }
  const lines = [`file ${quoted(url)}`, ...entries.map(([name, value]) => `option ${name} ${quoted(value)}`)];
  return {
    args: ["-protocol_whitelist", ["pipe", ...protocols].join(","), "-f", "concat", "-safe", "0", "-i", "pipe:0"],
    script: `ffconcat version 1.0\n${lines.join("\n")}\n`,
  };
}

/** As ffmpeg's scripts quote (its manual, "Quoting and escaping"). */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** HTTP headers as options: those that ffmpeg knows by name, and one line for each other. */
export function headerOptions(headers: Readonly<Record<string, string>>): Record<string, string> {
  const options: Record<string, string> = {};
  const others: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const clean = value.replace(/\p{Cc}+/gu, " ");
    const lower = name.toLowerCase();
    if (lower === "user-agent") options.user_agent = clean;
    else if (lower === "referer") options.referer = clean;
    else if (/^[\w-]+$/.test(name)) others.push(`${name}: ${clean}`);
  }
  if (others.length > 0) options.headers = others.join("\r\n");
  return options;
}
