// A real RTSP server for tests, over real sockets, whose manners and faults are switched by the test.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import {
  createRtspParser,
  formatFrame,
  formatRtsp,
  headerOf,
  parseTransports,
  type RtspRequest,
  type RtspTransport,
} from "../../core/formats/rtsp.ts";
import { certificate, key } from "./certificate.ts";

export interface RtspServerOptions {
  /** What DESCRIBE answers. */
  readonly sdp: string;
  /** What is sent after PLAY, as it stands: RTP packets or plain datagrams. */
  readonly packets?: readonly Uint8Array[];
  /** What comes after that: nothing more (default), RTCP BYE, or the end of the connection, in order or not. */
  readonly afterwards?: "silence" | "bye" | "end" | "reset";
  /** `user` with `pass word` must say so; how. */
  readonly wants?: "basic" | "digest" | "sha256";
  /** A nonce is good for so many requests, then stale. */
  readonly nonceUses?: number;
  /** Ways that are answered with 461. */
  readonly refuses?: readonly ("tcp" | "udp" | "mp2t")[];
  /** Ways that are accepted, and then bring nothing. */
  readonly silent?: readonly ("tcp" | "udp" | "mp2t")[];
  /** Speaks TLS, as a camera that signs its own certificate. */
  readonly secure?: boolean;
  /** Default: any that is free. */
  readonly port?: number;
  /** Seconds in Session. */
  readonly timeout?: number;
  /** What Public says. */
  readonly methods?: string;
  /** Answers a request otherwise, or (`"nothing"`) not at all. */
  readonly answer?: (request: RtspRequest) => ServerAnswer | "nothing" | undefined;
  /** What stands for CSeq in answers; default: what was asked with. */
  readonly sequence?: (given: string) => string | undefined;
}

export interface ServerAnswer {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

export interface RtspServer {
  readonly port: number;
  /** `rtsp://127.0.0.1:<port>/stream` */
  readonly url: string;
  readonly requests: readonly RtspRequest[];
  /** `METHOD` of each request, in order. */
  readonly methods: readonly string[];
  /** Sessions that were set up and not torn down. */
  readonly sessions: ReadonlySet<string>;
  /** Connections that are open. */
  readonly connections: number;
  /** Datagrams that came to the server's own ports. */
  readonly received: readonly Uint8Array[];
  /** Sends bytes to every connection, as a server that asks does. */
  say(bytes: Uint8Array): void;
  /** Sends more to everybody who plays. */
  send(packets: readonly Uint8Array[]): void;
  /** Breaks every connection, and forgets its session, as one does whose power was cut. */
  drop(): void;
  close(): Promise<void>;
}

/** A description of one track: a transport stream by RTP. */
export const transportSdp = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=test",
  "t=0 0",
  "a=control:*",
  "m=video 0 RTP/AVP 33",
  "a=control:track1",
  "",
].join("\r\n");

const realm = "the server";
const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export async function openRtspServer(o: RtspServerOptions): Promise<RtspServer> {
  const requests: RtspRequest[] = [];
  const sessions = new Set<string>();
  const sockets = new Set<Socket>();
  const datagrams: DatagramSocket[] = [];
  const received: Uint8Array[] = [];
  const playing = new Set<(packets: readonly Uint8Array[]) => void>();
  let names = 0;
  let nonce = 1;
  let uses = 0;

  /** The challenge for a request that does not say who it is, or undefined. */
  const challenge = (request: RtspRequest): string[] | undefined => {
    const said = headerOf(request.headers, "authorization") ?? "";
    if (o.wants === undefined) return undefined;
    if (o.wants === "basic") return said === `Basic ${btoa("user:pass word")}` ? undefined : [`Basic realm="${realm}"`];
    const field = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(said)?.[1] ?? "";
    const hash = o.wants === "sha256" ? sha256 : md5;
    const first = hash(`user:${realm}:pass word`);
    const second = hash(`${request.method}:${request.url}`);
    const middle = o.wants === "sha256" ? `${field("nc")}:${field("cnonce")}:auth:` : "";
    const right = hash(`${first}:${field("nonce")}:${middle}${second}`) === field("response");
    const fresh = field("nonce") === `n${nonce}`;
    if (right && fresh && ++uses <= (o.nonceUses ?? Number.POSITIVE_INFINITY)) return undefined;
    if (right) {
      nonce++;
      uses = 0;
    }
    const more = `realm="${realm}", nonce="n${nonce}"${right ? ", stale=true" : ""}`;
    return [
      ...(o.wants === "sha256" ? [`Digest ${more}, algorithm=SHA-256, qop="auth"`] : [`Digest ${more}`]),
      `Basic realm="${realm}"`,
    ];
  };

  const onConnection = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const parser = createRtspParser();
    let session = "";
    let send: ((packets: readonly Uint8Array[]) => void) | undefined;
    let bye: (() => void) | undefined;

    const setUp = async (request: RtspRequest): Promise<ServerAnswer> => {
      const [asked] = parseTransports(headerOf(request.headers, "transport") ?? "");
      if (!asked) return { status: 400 };
      const way = asked.interleaved ? "tcp" : asked.protocol.startsWith("MP2T") ? "mp2t" : "udp";
      if (o.refuses?.includes(way)) return { status: 461, reason: "Unsupported Transport" };
      session ||= `s${++names}`;
      sessions.add(session);
      const silent = o.silent?.includes(way) === true;
      let server: Partial<RtspTransport> = {};
      if (way === "tcp") {
        const channel = asked.interleaved?.[0] ?? 0;
        send = (packets) => {
          for (const payload of silent ? [] : packets) socket.write(formatFrame({ channel, payload }));
        };
        bye = () => void socket.write(formatFrame({ channel: channel + 1, payload: byePacket }));
      } else {
        const own = await Promise.all([openDatagrams(), openDatagrams()]);
        datagrams.push(...own);
        for (const each of own) each.on("message", (bytes) => void received.push(bytes));
        const [first = 0, second = 0] = asked.clientPort ?? [];
        send = (packets) => {
          for (const packet of silent ? [] : packets) own[0].send(packet, first, "127.0.0.1");
        };
        bye = () => own[1].send(byePacket, second, "127.0.0.1");
        server = { serverPort: [own[0].address().port, own[1].address().port] };
      }
      const transport = [
        asked.protocol,
        "unicast",
        ...(asked.interleaved ? [`interleaved=${asked.interleaved.join("-")}`] : []),
        ...(asked.clientPort ? [`client_port=${asked.clientPort.join("-")}`] : []),
        ...(server.serverPort && way === "udp" ? [`server_port=${server.serverPort.join("-")}`] : []),
      ].join(";");
      return {
        status: 200,
        headers: [
          ["Session", `${session};timeout=${o.timeout ?? 60}`],
          ["Transport", transport],
        ],
      };
    };
    const act = async (request: RtspRequest): Promise<ServerAnswer> => {
      const wanted = challenge(request);
      if (wanted) return { status: 401, headers: wanted.map((each) => ["WWW-Authenticate", each] as const) };
      if (request.method === "OPTIONS") return { status: 200, headers: [["Public", o.methods ?? "OPTIONS, PLAY"]] };
      if (request.method === "DESCRIBE")
        return {
          status: 200,
          body: o.sdp,
          headers: [
            ["Content-Type", "application/sdp"],
            ["Content-Base", `${request.url}/`],
          ],
        };
      if (request.method === "SETUP") return await setUp(request);
      if (headerOf(request.headers, "session") !== session || !sessions.has(session)) return { status: 454 };
      if (request.method === "TEARDOWN") {
        sessions.delete(session);
        if (send) playing.delete(send);
      }
      if (request.method === "GET_PARAMETER" && !o.methods?.includes("GET_PARAMETER")) return { status: 501 };
      return { status: 200 };
    };
    const answer = async (request: RtspRequest) => {
      requests.push(request);
      const other = o.answer?.(request);
      if (other === "nothing") return;
      const given = headerOf(request.headers, "cseq") ?? "";
      const { status, reason = "Reason", headers = [], body = "" } = other ?? (await act(request));
      const sequence = o.sequence ? o.sequence(given) : given;
      const all = [...(sequence === undefined ? [] : [["CSeq", sequence] as const]), ...headers];
      socket.write(formatRtsp({ kind: "response", status, reason, headers: all, body: Buffer.from(body) }));
      if (request.method !== "PLAY" || status !== 200 || !send) return;
      playing.add(send);
      send(o.packets ?? []);
      if (o.afterwards === "bye") bye?.();
      if (o.afterwards === "end") socket.end();
      if (o.afterwards === "reset") setTimeout(() => socket.resetAndDestroy(), 20);
    };
    let turn = Promise.resolve();
    socket.on("data", (bytes: Uint8Array) => {
      for (const item of parser.push(bytes)) if (item.kind === "request") turn = turn.then(() => answer(item));
    });
  };
  const server = o.secure ? createTlsServer({ key, cert: certificate }, onConnection) : createServer(onConnection);
  server.listen(o.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `rtsp${o.secure ? "s" : ""}://127.0.0.1:${port}/stream`,
    requests,
    sessions,
    received,
    get methods() {
      return requests.map((request) => request.method);
    },
    get connections() {
      return sockets.size;
    },
    say(bytes) {
      for (const socket of sockets) socket.write(bytes);
    },
    send(packets) {
      for (const send of playing) send(packets);
    },
    drop() {
      for (const socket of sockets) socket.destroy();
      sessions.clear();
      playing.clear();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await Promise.all(datagrams.map((each) => new Promise<void>((resolve) => each.close(() => resolve()))));
    },
  };
}

/** RTCP: the sender leaves (RFC 3550 §6.6). */
const byePacket = Uint8Array.of(0x81, 203, 0, 1, 0, 0, 0x12, 0x34);

async function openDatagrams(): Promise<DatagramSocket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
