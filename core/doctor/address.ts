// Where this headend is for others, and whether that is an address that others can have.
import { existsSync } from "node:fs";
import { isIP } from "node:net";
import type { ListenAddress } from "../config/address.ts";
import { formatListen } from "../config/address.ts";
import type { Check, Probe } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { listLinks } from "../transport/udp/links.ts";
import { probeHeader } from "./mark.ts";

/** Interfaces that lead to containers and virtual machines, or to networks of one's own over another. */
const inner = /^(?:docker|br-|veth|virbr|cni|flannel|podman|lxc|wg|tun|tailscale|zt)/;

/** The address of this machine for others in its network; a loopback one where there is no network. */
export function ownAddress({ host }: Pick<ListenAddress, "host">): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const links = listLinks().filter(({ internal, ipv4 }) => !internal && ipv4 !== undefined);
  return (links.find(({ name }) => !inner.test(name)) ?? links[0])?.ipv4 ?? "127.0.0.1";
}

/** True in a container that has a network of its own: one that has the host's sees the engine's interfaces, too. */
export function isContained(): boolean {
  if (!existsSync("/.dockerenv") && !existsSync("/run/.containerenv")) return false;
  return !listLinks().some(({ name }) => inner.test(name));
}

export interface AddressFacts {
  readonly listen: ListenAddress;
  /** What `ownAddress()` says. */
  readonly address: string;
  readonly publicUrl: string | undefined;
  readonly contained: boolean;
}

/** Whether players can have the address that they are given. */
export function judgeAddress({ listen, address, publicUrl, contained }: AddressFacts): Check {
  const name = "address";
  const port = listen.port;
  const own = `http://${formatListen({ host: address, port })}`;
  const published =
    publicUrl === undefined ? undefined : (URL.parse(publicUrl)?.hostname.replace(/^\[|\]$/g, "") ?? "");
  if (published !== undefined && isLoopback(published))
    return {
      ...{ name, ok: false, sentence: `publicUrl is ${publicUrl}, which every player takes for itself` },
      fix: `publicUrl: ${isLoopback(address) ? "http://<this machine in the house>:<port>" : own}, or leave it out`,
    };
  if (contained && isContainers(published ?? address))
    return {
      ...{ name, ok: false, sentence: `${published ?? address} is a container's address, which no player can reach` },
      fix: `give the container the host's network (--network host), or say publicUrl: http://<the host>:${port}`,
    };
  if (publicUrl !== undefined) return { name, ok: true, sentence: `players are given ${publicUrl}` };
  if (!isLoopback(address)) return { name, ok: true, sentence: `players reach it at ${own}` };
  if (isLoopback(listen.host))
    return {
      ...{ name, ok: "note", sentence: `it listens on ${listen.host}: players on this machine only reach it` },
      fix: `listen: 0.0.0.0:${port}`,
    };
  return { name, ok: "note", sentence: "this machine is in no network: players on it only reach it" };
}

/** Asks by every address that players are given, and sees that it is this headend that answers. */
export async function* checkReachable(probe: Probe, mark: string, addresses: readonly string[]): AsyncGenerator<Check> {
  const name = "reachable";
  for (const address of addresses) {
    try {
      const response = await probe.ask(`${address}/healthz`);
      await response.body?.cancel();
      if (response.headers.get(probeHeader) === mark) {
        yield { name, ok: true, sentence: `${address} answers` };
        continue;
      }
      const sentence = `${address} is answered (${response.status}) by something else than this headend`;
      yield {
        name,
        ok: false,
        sentence,
        fix: "see what listens there, what the proxy before it leads to, and publicUrl",
      };
    } catch (error) {
      const fix = "let publicUrl and listen name an address of this machine, and a firewall let it through";
      yield { name, ok: false, sentence: `${address} does not answer: ${reasonOf(error)}`, fix };
    }
  }
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|.*\.localhost|127\..*|::1)$/i.test(host);
}

/** The pools that Docker, Podman and the usual Kubernetes networks take their addresses from, and rootless ones. */
function isContainers(host: string): boolean {
  if (isIP(host) !== 4) return false;
  return /^(?:172\.(?:1[6-9]|2\d|3[01])|10\.(?:88|42|244)|10\.0\.2)\./.test(host);
}
