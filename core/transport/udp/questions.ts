// A port where questions are asked by broadcast, multicast or directly: one socket for all in this process who answer
// there, shared with other programs; every network that this machine is on is followed as it comes and goes.

import type { Clock, Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import { isMulticast } from "./address.ts";
import { createAllowance } from "./allowance.ts";
import { isNearAddress, isWantedLink, type Link, listLinks } from "./links.ts";
import { createReceiver, type Receiver, type Sender } from "./receiver.ts";
import { findRoute } from "./route.ts";

/** A datagram, and how to answer it. */
export interface Question {
  readonly bytes: Uint8Array;
  readonly from: Sender;
  /** The address of ours that who asks can reach: IPv4 wherever the network has it. */
  readonly own: string;
  /** Sends from the same port, unless enough was sent of late: then false. */
  answer(bytes: Uint8Array): boolean;
}

export interface QuestionsOptions {
  readonly port: number;
  /** Groups of IPv4 and IPv6 that are joined; the same for all who share a port. */
  readonly groups: readonly string[];
  /** Names or addresses of the interfaces to listen to; absent: all. Questions of this machine itself always count. */
  readonly interfaces?: readonly string[];
  /** Who is answered: those near, by `isNearAddress()`, or all. */
  readonly allow: "private" | "all";
  /** Bytes of the longest question; what is longer is passed over. */
  readonly longest: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onQuestion: (question: Question) => void;
  /** Called for every link that is listened to: at first, when it comes, and when its address is another. */
  readonly onLink?: (link: Link) => void;
}

export interface Questions {
  /** Why nobody can ask, or not everybody; for people. */
  readonly fault: string | undefined;
  /** What is listened to. */
  readonly links: readonly Link[];
  close(): Promise<void>;
}

/** Milliseconds between two looks at the networks. */
const lookInterval = 5000;
/** Answers a second to one address, and to all. */
const perAddress = 25;
const perPort = 200;
/** Questions from beyond our own networks for which the way back is being looked up. */
const mostRouted = 8;

/** The ports of this process, as long as somebody answers there. */
const ports = new Map<number, SharedPort>();

/** Resolves when it has been tried to open it: where it cannot be opened, `fault` says why, and it is tried again. */
export async function openQuestions(options: QuestionsOptions): Promise<Questions> {
  const port = ports.get(options.port) ?? createSharedPort(options, () => ports.delete(options.port));
  ports.set(options.port, port);
  return await port.join(options);
}

interface SharedPort {
  join(options: QuestionsOptions): Promise<Questions>;
}

interface Member {
  readonly options: QuestionsOptions;
  /** Keys of the links that it was told of. */
  readonly told: Set<string>;
}

/** @param empty called when the last has left */
function createSharedPort({ port, groups, clock, log }: QuestionsOptions, empty: () => void): SharedPort {
  const members = new Set<Member>();
  const stop = new AbortController();
  const allowance = createAllowance({ clock, each: perAddress, all: perPort });
  let links: readonly Link[] = [];
  let routed = 0;
  let looking: Promise<void> = Promise.resolve();

  const receiverOf = (family: 4 | 6): Receiver => {
    const receiver = createReceiver({
      family,
      port,
      groups: groups.filter((group) => group.includes(":") === (family === 6)),
      onDatagram: (bytes, from) => take(receiver, bytes, from),
    });
    return receiver;
  };
  const main = receiverOf(4);
  const receivers = groups.some((group) => group.includes(":")) ? [main, receiverOf(6)] : [main];

  /** Finds out who may answer, and by which address. */
  const take = (receiver: Receiver, bytes: Uint8Array, from: Sender) => {
    if (!isAnswerable(from, links)) return;
    const near = isNearAddress(from.address);
    const asked = [...members].filter(
      ({ options }) => bytes.length <= options.longest && (near || options.allow === "all"),
    );
    if (asked.length === 0) return;
    const link = links.find((each) => each.addressFor(from.address) !== undefined);
    if (link) return ask(asked, receiver, bytes, from, link, reachable(link, from));
    if (routed >= mostRouted) return;
    routed++;
    findRoute(from.address)
      .then((own) => {
        // Where the system does not tell, it is most likely the first that it has.
        const way =
          links.find((each) => own !== undefined && each.addresses.includes(own)) ??
          links.find((each) => !each.internal && each.ipv4 !== undefined);
        if (way) ask(asked, receiver, bytes, from, way, way.ipv4 ?? own);
      })
      .finally(() => routed--);
  };
  const ask = (
    asked: readonly Member[],
    receiver: Receiver,
    bytes: Uint8Array,
    from: Sender,
    link: Link,
    own: string | undefined,
  ) => {
    if (own === undefined) return;
    const answer = (reply: Uint8Array) => {
      if (stop.signal.aborted || !allowance.take(from.address)) return false;
      receiver.send(reply, from);
      return true;
    };
    for (const member of asked) {
      const { options } = member;
      if (!members.has(member) || !(link.internal || isWantedLink(link, options.interfaces))) continue;
      try {
        options.onQuestion({ bytes, from, own, answer });
      } catch (error) {
        options.log.error(`a question at port ${port} was not answered: ${reasonOf(error)}`, { error });
      }
    }
  };

  const look = async () => {
    if (stop.signal.aborted) return;
    links = listLinks();
    const wanted = links.filter((link) => [...members].some(({ options }) => isWantedLink(link, options.interfaces)));
    const fresh = new Set<Link>();
    for (const receiver of receivers) for (const link of await receiver.follow(wanted)) fresh.add(link);
    for (const { options, told } of members) {
      const mine = wanted.filter((link) => isWantedLink(link, options.interfaces));
      const keys = new Set(mine.map(keyOf));
      for (const key of told) if (!keys.has(key)) told.delete(key);
      for (const link of mine) {
        if (told.has(keyOf(link)) && !fresh.has(link)) continue;
        told.add(keyOf(link));
        options.onLink?.(link);
      }
    }
  };
  /** One look after the other. */
  const lookNext = () => {
    looking = looking.then(look).catch((error) => log.error(reasonOf(error), { error }));
    return looking;
  };
  const watch = async () => {
    for (;;) {
      await clock.sleep(lookInterval, stop.signal);
      await lookNext();
    }
  };
  watch().catch(() => {});

  return {
    async join(options) {
      const member: Member = { options, told: new Set() };
      members.add(member);
      await lookNext();
      return {
        get fault() {
          // Where there is no IPv6, nobody asks by it.
          return main.fault ?? missing(options.interfaces, links);
        },
        get links() {
          return links.filter((link) => isWantedLink(link, options.interfaces));
        },
        async close() {
          if (!members.delete(member) || members.size > 0) return;
          empty();
          stop.abort();
          await looking;
          await Promise.all(receivers.map((receiver) => receiver.close()));
        },
      };
    },
  };
}

/** False where an answer would reach nobody, or many. */
function isAnswerable({ address, port }: Sender, links: readonly Link[]): boolean {
  if (port === 0 || isMulticast(address) || /^(0\.0\.0\.0|255\.255\.255\.255|::)$/.test(address)) return false;
  return !links.some((link) => link.isBroadcast(address));
}

/** A neighbour who asks by IPv6 has IPv4, too, if we have, as good as always; and an address without a zone serves all. */
function reachable(link: Link, { address }: Sender): string | undefined {
  if (!address.includes(":")) return link.addressFor(address);
  return link.internal ? link.addressFor(address) : (link.ipv4 ?? link.ipv6);
}

function keyOf(link: Link): string {
  return `${link.name} ${link.ipv4 ?? ""} ${link.ipv6 ?? ""}`;
}

function missing(interfaces: readonly string[] | undefined, links: readonly Link[]): string | undefined {
  const gone = interfaces?.find((each) => !links.some((link) => isWantedLink(link, [each])));
  if (gone === undefined) return undefined;
  const known = links.map(({ name, addresses }) => `${name} (${addresses[0]})`).join(", ");
  return `no network interface has the name or address ${gone} at present; there are: ${known || "none"}`;
}
