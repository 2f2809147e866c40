// The operator's web service: one address, an action in the query, everything in one envelope.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { WorldChannel, WorldEvent } from "./world.ts";

export interface AppserverFaults {
  /** `down`: connections break; `error`: 500; `empty`: envelopes without data. */
  fault: "down" | "error" | "empty" | undefined;
  /** Names of fields are those of June 2022. */
  renamed: boolean;
  /** Seconds by which what was recorded began later than the guide says. */
  shift: number;
  /** Where catch-up is said to be; absent: where it is. */
  catchup: string | undefined;
}

export interface AppserverOptions {
  readonly demarcation: number;
  readonly entryPoint: string;
  /** Other end points that are announced, before this one. */
  readonly before: readonly string[];
  readonly channels: readonly WorldChannel[];
  readonly events: ReadonlyMap<number, WorldEvent>;
  /** Programmes in the customer's cloud. */
  readonly cloud: readonly number[];
  vodUrl(channel: number, pid: number): string;
}

export interface Appserver {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly faults: AppserverFaults;
  /** Paths and queries, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Lists are lists, or texts with commas. */
const details = {
  directors: ["Ana Uno"],
  mainActors: "Eva Dos, Luis Tres",
  productionDate: 1_325_376_000_000,
  synopsis: "Cine",
};

const coverOf = ({ pid }: WorldEvent) => `${Math.floor(pid / 10_000)}/${pid}.jpg`;

const picture = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xd9);

export async function openAppserver(o: AppserverOptions): Promise<Appserver> {
  const faults: AppserverFaults = { fault: undefined, renamed: false, shift: 0, catchup: undefined };
  const requests: string[] = [];
  let url = "";
  let greeted = false;

  const serviceOf = (channel: number) => {
    const found = o.channels.find(({ id }) => id === channel);
    return found?.replacement ?? channel;
  };
  /** A programme of the channel, or of the service whose guide it has. */
  const eventOf = (query: URLSearchParams, key: string) => {
    const event = o.events.get(Number(query.get(key)));
    return event?.service === serviceOf(Number(query.get("channelID"))) ? event : undefined;
  };
  const infoOf = (event: WorldEvent, channel: number) => ({
    ...{ productID: event.pid, serviceUID: channel, name: event.title, duration: event.duration },
    beginTime: (event.start + faults.shift) * 1000,
    endTime: (event.start + faults.shift + event.duration) * 1000,
    isHdtv: o.channels.find(({ id }) => id === channel)?.hd ?? false,
  });

  const actions: Readonly<Record<string, (query: URLSearchParams) => unknown>> = {
    getClientProfile: () => ({ demarcation: o.demarcation, tvPackages: "UTX50|UTXIG|GONE", tvWholesaler: 1 }),
    getPlatformProfile: () => ({
      dvbConfig: { [faults.renamed ? "dvbEntryPoint" : "dvbipiEntryPoint"]: o.entryPoint },
      endPoints: Object.fromEntries([...o.before, url].map((each, index) => [`epNoCach${index + 1}`, each])),
      [faults.renamed ? "RES_BASE_URI" : "res_BASE_URI"]: `${url}/appclientv/nux/`,
    }),
    getConfigurationParams: () => ({
      tvChannelLogoPath: "incoming/epg/channelLogo/",
      tvCoversPath: "incoming/covers/programmeImages/",
      ...(faults.renamed ? {} : { portraitSubPath: "portrait/" }),
      landscapeSubPath: "landscape/",
      bigSubpath: "big/",
    }),
    getEpgSubGenres: () => [{ id: "80", name: "Documentales", subgenres: [{ id: "81", name: "Naturaleza" }] }],
    getCatchUpUrl(query) {
      const channel = Number(query.get("channelID"));
      const event = eventOf(query, "extInfoID");
      if (!event || event.day < 0) return undefined;
      return { url: faults.catchup ?? o.vodUrl(channel, event.pid), ...infoOf(event, channel) };
    },
    getRecordingData(query) {
      const event = o.cloud.includes(Number(query.get("extInfoID"))) ? eventOf(query, "extInfoID") : undefined;
      if (!event) return undefined;
      const channel = Number(query.get("channelID"));
      return { url: o.vodUrl(channel, event.pid), ...infoOf(event, channel), theme: "Series", seriesName: "Serie" };
    },
    recordingList: () => ({
      result: o.cloud.flatMap((pid) => {
        const event = o.events.get(pid);
        return event ? [{ serviceUID: event.service, beginTime: event.start * 1000, productID: pid }] : [];
      }),
    }),
    epgInfov2(query) {
      const event = eventOf(query, "productID");
      return (
        event && {
          ...infoOf(event, event.service),
          ...details,
          description: `Sobre ${event.pid}`,
          cover: coverOf(event),
        }
      );
    },
  };

  const reply = (response: ServerResponse, resultCode: number, resultText: string, resultData?: unknown) => {
    const envelope = { resultCode, resultText, resultData: resultData ?? null, hashCode: "0".repeat(32) };
    if (!greeted) response.setHeader("set-cookie", "JSESSIONID=abc-node1; Path=/appserver; HttpOnly");
    greeted = true;
    response.setHeader("content-type", "application/json;charset=UTF-8").end(JSON.stringify(envelope));
  };
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (faults.fault === "down") return void request.socket.destroy();
    if (faults.fault === "error") return void response.writeHead(500).end("no");
    const { pathname, searchParams } = new URL(request.url ?? "", "http://app.example");
    if (/^\/appclientv\/nux\/incoming\/(?:epg\/)?(?:channelLogo|covers)\/.*\.jpg$/.test(pathname))
      return void response.setHeader("content-type", "image/jpeg").end(picture);
    if (pathname !== "/appserver/mvtv.do") return void response.writeHead(404).end();
    const action = actions[searchParams.get("action") ?? ""];
    if (!action) return reply(response, 1, "Unknown action");
    if (faults.fault === "empty") return reply(response, 1, "Try later");
    if (searchParams.get("extInfoID") === "") return reply(response, 1, "Missing TV program ID parameter");
    const data = action(searchParams);
    if (data === undefined) reply(response, 1, "Not available");
    else reply(response, 0, "Operation successful", data);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    faults,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
