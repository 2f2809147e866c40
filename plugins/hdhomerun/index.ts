// A virtual HDHomeRun device: Plex, Jellyfin, Emby, Kodi and Channels find it, list its channels and play them.
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { ssdpPort } from "../../core/formats/ssdp.ts";
import { definePlugin, type Listener } from "../../core/plugin.ts";
import { isNearAddress } from "../../core/transport/udp/links.ts";
import { formatAddress } from "./announced.ts";
import { createDeviceChannels, mostForPlex } from "./channels.ts";
import { checkDevice } from "./checks.ts";
import { config } from "./config.ts";
import { type Discovery, type DiscoveryState, hdhomerunPort, startDiscovery } from "./discovery.ts";
import { firmware } from "./documents.ts";
import { createDeviceGuide } from "./guide.ts";
import { readIdentity } from "./identity.ts";
import { createRoutes } from "./routes.ts";
import { createScan } from "./scan.ts";
import { createTuners } from "./tuners.ts";

export default definePlugin({
  name: "hdhomerun",
  api: 1,
  config,
  async setup(host, config) {
    const { cache, clock, hub, log, lineup, signal } = host;
    const identity = await readIdentity(cache, config.deviceId);
    const name = config.name ?? (host.name === "hdhomerun" ? "Headend" : `Headend ${host.name}`);
    const device = { ...identity, name, model: config.model, tuners: config.tuners };
    const { include, exclude, range, first } = config;
    const selection = { include, exclude, range, first };
    const channels = await createDeviceChannels({ lineup, cache, log, signal, selection, changed: () => {} });
    const tuners = createTuners({ count: config.tuners, name, clock, signal });
    const warning = () => {
      const count = channels.all().length;
      return count > mostForPlex
        ? `${count} channels are more than the ${mostForPlex} that Plex is known to take from one device: split them over several`
        : undefined;
    };
    const baseUrl = (request: Request) => withHost(host.baseUrl(request), config.publicHost);
    const fill = createRoutes({
      ...{ device, channels, tuners, clock, hub, baseUrl, warning },
      scan: createScan(clock),
      guide: createDeviceGuide({ guide: host.guide, cache, channels }),
      viewer: (request) => host.viewer(request),
      admits: (address) => config.allow === "all" || isNearAddress(address),
    });
    const guarded: Listener["routes"] = (app) => fill(app, { guarded: true, root: false });

    let discovery: Discovery | undefined;
    let port: number | undefined;
    /** Those that it is found on: all, but no others than the one address that it listens on. */
    let { interfaces } = config.discovery;
    const faults = (...of: readonly DiscoveryState["what"][]) =>
      (discovery?.state() ?? []).flatMap(({ ok, what, sentence }) => (!ok && of.includes(what) ? [sentence] : []));
    /** Once its port is open there is something to be found. */
    const announce = (port: number, only: string | undefined) => {
      const { ssdp, hdhomerun, ports } = config.discovery;
      if (!ssdp && !hdhomerun) return;
      const { publicHost } = config;
      const told = publicHost !== undefined && isIPv4(publicHost) ? publicHost : only;
      const host = told === undefined ? {} : { host: told };
      const taken = { model: config.model, firmware: firmware.name, version: firmware.version };
      const announced = { id: identity.id, uuid: identity.uuid, name, port, ...taken, ...host };
      const status = (tuner: number) => {
        const channel = tuners.at(tuner);
        return channel ? { channel: channel.number, program: channel.name } : {};
      };
      discovery = startDiscovery({
        ...{ clock, log, signal, ssdp, hdhomerun, allow: config.allow },
        ...(interfaces ? { interfaces } : {}),
        ports: {
          ...(ports.hdhomerun === undefined ? {} : { hdhomerun: ports.hdhomerun }),
          ...(ports.ssdp === undefined ? {} : { ssdp: ports.ssdp }),
        },
        device: () => ({ ...announced, tuners: config.tuners, status }),
      });
    };

    const opened = (at: number, host: string) => {
      port = at;
      const only = host === "0.0.0.0" || host === "::" ? undefined : host;
      if (only !== undefined) interfaces ??= [only];
      announce(at, only);
      const base = `http://${config.publicHost ?? formatAddress(only ?? ownAddress())}:${at}`;
      log.info(`${name} (${identity.id}) is at ${base}; guide for Plex: ${base}/guide.xml?style=plex`);
    };

    return {
      routes: (app) => fill(app, { guarded: false, root: false }),
      root: (app) => fill(app, { guarded: false, root: true }),
      listeners: [
        { port: config.port, routes: guarded, opened },
        ...(config.port80 ? [{ port: 80, optional: true, routes: guarded }] : []),
      ],
      health() {
        const hidden = faults("hdhomerun", "ssdp");
        // Few ask there, and none needs it to find the device or to play.
        const sentences = [warning() ?? `${channels.all().length} channels`, ...hidden, ...faults("control")];
        return { state: hidden.length > 0 ? "degraded" : "ok", sentence: sentences.join("; ") };
      },
      checks(probe, signal) {
        const { id, uuid } = identity;
        const { ssdp, hdhomerun, ports } = config.discovery;
        const at = { hdhomerun: ports.hdhomerun ?? hdhomerunPort, ssdp: ports.ssdp ?? ssdpPort };
        const wrong = { hdhomerun: faults("hdhomerun"), control: faults("control"), ssdp: faults("ssdp") };
        const asked = { allow: config.allow, discovery: { ssdp, hdhomerun, interfaces, ports: at }, faults: wrong };
        const { port80, port: wantedPort } = config;
        return checkDevice({ id, uuid, clock, ...asked, port, wantedPort, port80 }, probe, signal);
      },
      async stop() {
        await discovery?.stop();
      },
    };
  },
});

/** An address with another host, its port and path as they are. */
function withHost(base: string, host: string | undefined): string {
  return host === undefined ? base : base.replace(/^(https?:\/\/)(?:\[[^\]]*\]|[^/:]+)/, `$1${host}`);
}

/** The address by which others in the network most likely reach this machine. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
