// Makes a device known by SSDP (UPnP Device Architecture 1.0 §1): answers searches on port 1900, and announces it.
import process from "node:process";
import {
  formatAlive,
  formatByebye,
  formatSearchAnswer,
  parseSearch,
  type SsdpService,
  serviceNames,
  ssdpGroup,
} from "../../core/formats/ssdp.ts";
import { sendToGroup } from "../../core/transport/udp/group-send.ts";
import { isNearAddress } from "../../core/transport/udp/links.ts";
import {
  openQuestions,
  type Question,
  type Questions,
  type QuestionsOptions,
} from "../../core/transport/udp/questions.ts";
import { type AnnouncedDevice, baseUrl } from "./announced.ts";

export type SsdpOptions = Pick<QuestionsOptions, "port" | "interfaces" | "allow" | "clock" | "log"> & {
  readonly device: () => AnnouncedDevice;
};

export const deviceType = "urn:schemas-upnp-org:device:MediaServer:1";
/** Seconds for which an announcement holds; it is renewed in less than half of them. */
const maxAge = 1800;
const renewal = 300_000;
/** Milliseconds between the repetitions of an announcement: datagrams get lost. */
const pauses = [0, 300, 1000];
/** Seconds of delay at most, whatever a search allows: clients give up early. */
const longestDelay = 2;
/** Searches that wait to be answered. */
const mostWaiting = 100;
const longestSearch = 2048;
/** Routers that announcements pass (UPnP Device Architecture 1.0 §1.1.2 has 4). */
const ttl = 4;
const server = `${process.platform}/1.0 UPnP/1.0 Headend/1.0`;

export async function openSsdp({ device, ...options }: SsdpOptions): Promise<Questions> {
  const { clock, log, port } = options;
  const stop = new AbortController();
  let waiting = 0;

  const describe = (name: Pick<SsdpService, "target" | "usn">, own: string): SsdpService => ({
    ...name,
    location: `${baseUrl(device(), own)}/device.xml`,
    server,
    maxAge,
  });
  // On the Internet nobody is told, either.
  const isAnnounced = (own: string) => options.allow === "all" || isNearAddress(own);
  const names = () => serviceNames(device().uuid, deviceType);

  const answer = async (question: Question) => {
    const search = parseSearch(question.bytes);
    if (!search || device().port === 0 || waiting >= mostWaiting) return;
    const { st, mx } = search;
    // The target is echoed as it was asked for.
    const found =
      st === "ssdp:all"
        ? names()
        : names()
            .filter((name) => sameTarget(name.target, st))
            .map(({ usn }) => ({ target: st, usn }));
    if (found.length === 0) return;
    waiting++;
    try {
      const delay = Math.min(mx ?? 0, longestDelay) * Math.random() * 1000;
      if (delay > 0) await clock.sleep(delay, stop.signal);
      for (const name of found)
        if (!question.answer(formatSearchAnswer(describe(name, question.own), clock.now()))) return;
    } finally {
      waiting--;
    }
  };

  const send = async (from: string, datagrams: readonly Uint8Array[]) => {
    try {
      await sendToGroup({ group: ssdpGroup, port, from, ttl }, datagrams);
    } catch (error) {
      // The network is going, or takes no groups; whoever searches is answered all the same.
      log.debug(`could not be announced through ${from}`, { error });
    }
  };
  const announce = async (addresses: readonly string[]) => {
    for (const pause of pauses) {
      if (pause > 0) await clock.sleep(pause, stop.signal);
      if (device().port === 0) return;
      for (const own of addresses.filter(isAnnounced))
        await send(
          own,
          names().map((name) => formatAlive(describe(name, own))),
        );
    }
  };

  const questions = await openQuestions({
    ...options,
    groups: [ssdpGroup],
    longest: longestSearch,
    onQuestion: (question) => void answer(question).catch(() => {}),
    onLink: ({ ipv4 }) => void (ipv4 === undefined ? undefined : announce([ipv4]).catch(() => {})),
  });
  const addresses = () => questions.links.flatMap(({ ipv4 }) => ipv4 ?? []);
  const renew = async () => {
    for (;;) {
      await clock.sleep(renewal, stop.signal);
      await announce(addresses());
    }
  };
  renew().catch(() => {});

  return {
    get fault() {
      return questions.fault;
    },
    get links() {
      return questions.links;
    },
    async close() {
      stop.abort();
      const bye = names().map(formatByebye);
      if (device().port !== 0)
        await Promise.all(
          addresses()
            .filter(isAnnounced)
            .map((own) => send(own, [...bye, ...bye])),
        );
      await questions.close();
    },
  };
}

/** UUIDs may be written in either case. */
function sameTarget(own: string, asked: string): boolean {
  return own.startsWith("uuid:") ? own.toLowerCase() === asked.toLowerCase() : own === asked;
}
