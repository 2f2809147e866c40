// What this machine brings along: ffmpeg, and networks whose groups can be joined.
import { HeadendError } from "../errors.ts";
import type { Check, Clock, LineupChannel, Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { FfmpegSettings } from "../transport/context.ts";
import { findFfmpeg, forgetFfmpeg } from "../transport/ffmpeg-program.ts";
import { schemeOf } from "../transport/stream-protocols.ts";
import { isMulticast } from "../transport/udp/address.ts";
import { sendToGroup } from "../transport/udp/group-send.ts";
import { isWantedLink, listLinks } from "../transport/udp/links.ts";
import { openDatagramSocket } from "../transport/udp/socket.ts";
import { parseDatagramAddress } from "../transport/udp.ts";

/** What only ffmpeg opens, by the scheme. */
const needsFfmpeg = /^(?:rtmp|srt|mms|rtsps)/;

export interface MachineFacts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly channels: readonly LineupChannel[];
}

export async function* checkFfmpeg(
  { clock, log, channels }: MachineFacts,
  ffmpeg: FfmpegSettings,
): AsyncGenerator<Check> {
  const name = "ffmpeg";
  const count = channels.filter(({ url }) => url !== undefined && needsFfmpeg.test(schemeOf(url))).length;
  // It may have gone since it was found.
  forgetFfmpeg(ffmpeg);
  try {
    const { version } = await findFfmpeg({ ffmpeg, clock, log }, name);
    yield { name, ok: true, sentence: `version ${version}` };
  } catch (error) {
    const missing = error instanceof HeadendError && error.code === "dial.ffmpegless";
    const what = missing ? "it was not found" : reasonOf(error);
    yield {
      ...{ name, ok: count > 0 ? false : "note" },
      sentence:
        count > 0 ? `${what}; channels that need it: ${count}` : `${what}; so far no channel needs it for certain`,
      fix: "install ffmpeg, or say where it is with streams.ffmpeg or FFMPEG_PATH",
    };
  }
}

/** A group of one's own network (RFC 2365 §6.1) that nobody uses. */
const group = "239.255.86.77";
/** Milliseconds in which a datagram to it must come back. */
const patience = 1000;
const mostLinks = 4;

/** @param interfaces those that channels' multicast is to come by; empty: the system's choice, so all are tried */
export async function* checkMulticast(facts: MachineFacts, interfaces: readonly string[]): AsyncGenerator<Check> {
  const name = "multicast";
  const count = facts.channels.filter(({ url }) => isGroup(url)).length;
  const named = interfaces.length > 0 ? interfaces : undefined;
  const links = listLinks().filter((link) => link.ipv4 !== undefined && isWantedLink(link, named));
  const bad: Check["ok"] = count > 0 ? false : "note";
  const wanted = count > 0 ? `; channels that are multicast: ${count}` : "";
  if (links.length === 0) {
    const sentence = `${named ? `no network has the interface ${named.join(" or ")}` : "this machine is in no network"}${wanted}`;
    yield { name, ok: bad, sentence, fix: "connect it; `interface` of a provider names its network" };
    return;
  }
  const tried = links.slice(0, mostLinks).map(async ({ name: face, ipv4 = "" }): Promise<Check> => {
    try {
      await tryGroup(ipv4, facts);
      return { name, ok: true, sentence: `groups can be joined by ${face} (${ipv4})` };
    } catch (error) {
      return {
        ...{ name, ok: bad, sentence: `by ${face} (${ipv4}): ${reasonOf(error)}${wanted}` },
        fix: "let the firewall pass UDP to 224.0.0.0/4; a container needs the host's network",
      };
    }
  });
  yield* await Promise.all(tried);
}

/** Joins a group through an address of ours, and sends a datagram to it that must come back. @throws when it does not */
async function tryGroup(from: string, { clock, log, signal }: MachineFacts): Promise<void> {
  const came = new AbortController();
  let fault: unknown;
  const socket = await openDatagramSocket({
    ...{ host: group, port: 0, interface: from, receiveBytes: 2 ** 16, clock, log },
    onDatagram: () => came.abort(),
    onError(error) {
      fault = error;
      came.abort();
    },
  });
  try {
    await sendToGroup({ group, port: socket.port, from, ttl: 1 }, [new TextEncoder().encode("headend")]);
    await clock.sleep(patience, AbortSignal.any([came.signal, signal])).catch(() => {});
    signal.throwIfAborted();
    if (fault) throw fault;
    if (!came.signal.aborted) throw new Error("a datagram to a group does not come back");
  } finally {
    await socket.close();
  }
}

function isGroup(url: string | undefined): boolean {
  if (url === undefined || !/^\s*(?:udp|rtp):/i.test(url)) return false;
  const address = parseDatagramAddress(url);
  return typeof address !== "string" && isMulticast(address.host);
}
