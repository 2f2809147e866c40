// A stand-in for Kodi: JSON-RPC over HTTP and TCP and an EventServer, by the answers that a real one was seen to give.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import net, { type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";

export interface StandInAddOn {
  readonly id: string;
  readonly name: string;
  readonly path?: string;
  readonly settings: Readonly<Record<string, string>>;
  /** What it sends, by the path and query of its address without the port; undefined: it does not call. */
  readonly answers: Map<string, unknown>;
}

export interface StandIn {
  readonly http: string;
  readonly tcp: string;
  readonly eventPort: number;
  /** Every way by which an add-on was run, and what else was asked. */
  readonly seen: string[];
  /** What does not work: `http`, `tcp`, `events`. */
  readonly broken: Set<string>;
  close(): Promise<void>;
}

export const credentials = { user: "kodi", password: "hidden-password" };

export async function openStandIn(addOns: readonly StandInAddOn[]): Promise<StandIn> {
  const seen: string[] = [];
  const broken = new Set<string>();

  /** As an add-on does: connects to the port in its address, sends, closes. */
  async function run(address: string): Promise<void> {
    const url = new URL(address);
    const port = Number(url.searchParams.get("port"));
    url.searchParams.delete("port");
    const answer = addOns.find(({ id }) => id === url.hostname)?.answers.get(url.pathname + url.search);
    if (answer === undefined) return;
    const socket = net.connect(port, "127.0.0.1").on("error", () => {});
    socket.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    await once(socket, "close").catch(() => {});
  }

  async function answer({ id, method, params }: { id: number; method: string; params: Record<string, unknown> }) {
    seen.push(method === "Player.Open" ? `${method} ${JSON.stringify(params)}` : method);
    const say = (result: unknown) => JSON.stringify({ jsonrpc: "2.0", id, result });
    if (method === "Addons.GetAddons") {
      const addons = addOns.map(({ id: addonid, name, path }) => ({ addonid, name, path, type: params.type }));
      return say({
        ...(addons.length > 0 && { addons }),
        limits: { end: addons.length, start: 0, total: addons.length },
      });
    }
    if (method === "XBMC.GetInfoLabels") {
      const labels = (params.labels as string[]).map((label) => {
        const [, addon = "", setting = ""] = /^Addon\.SettingStr\((.*),(.*)\)$/.exec(label) ?? [];
        return [label, addOns.find((each) => each.id === addon)?.settings[setting] ?? ""];
      });
      return say(Object.fromEntries(labels));
    }
    if (method === "Files.GetDirectory") {
      await run(String(params.directory));
      return JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32602, message: "Invalid params." } });
    }
    return say("OK");
  }

  const isWelcome = ({ headers }: IncomingMessage) =>
    headers.authorization === `Basic ${btoa(`${credentials.user}:${credentials.password}`)}`;
  const http = createServer(async (request, response) => {
    if (broken.has("http")) return void request.socket.destroy();
    if (request.url !== "/jsonrpc" || !isWelcome(request)) return void response.writeHead(401).end();
    response.setHeader("content-type", "application/json").end(await answer(JSON.parse(await text(request))));
  });
  const tcp = net.createServer((socket) => {
    socket.on("error", () => {});
    if (broken.has("tcp")) return void socket.destroy();
    // Events come between answers.
    socket.write('{"jsonrpc":"2.0","method":"Player.OnStop","params":{"data":"}{"}}');
    socket.on("data", async (bytes) => socket.write(await answer(JSON.parse(String(bytes)))));
  });
  const events = createSocket("udp4", (packet) => {
    if (broken.has("events") || packet.toString("latin1", 0, 4) !== "XBMC" || packet[7] !== 0x0a) return;
    if (packet.readUInt16BE(16) !== packet.length - 32 || packet[32] !== 1 || packet.at(-1) !== 0) return;
    const [, address = ""] = /^RunPlugin\("(.*)"\)$/.exec(packet.toString("utf8", 33, packet.length - 1)) ?? [];
    seen.push("RunPlugin");
    void run(address);
  });
  http.listen(0, "127.0.0.1");
  tcp.listen(0, "127.0.0.1");
  events.bind(0, "127.0.0.1");
  await Promise.all([once(http, "listening"), once(tcp, "listening"), once(events, "listening")]);
  return {
    http: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    tcp: `tcp://127.0.0.1:${(tcp.address() as AddressInfo).port}`,
    eventPort: events.address().port,
    seen,
    broken,
    async close() {
      http.closeAllConnections();
      await Promise.all([
        new Promise((done) => http.close(done)),
        new Promise((done) => tcp.close(done)),
        new Promise<void>((done) => events.close(done)),
      ]);
    },
  };
}

/** A port that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Files of a Kodi's home folder, by their paths in it. */
export async function writeHome(home: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), content);
  }
}
