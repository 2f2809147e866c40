// The catch-up service: RTSP by the book of the reference, strict about order and names, and the pictures over UDP.
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type Pictures, type Showing, show } from "./pictures.ts";

/** What can be played. */
export interface Recording {
  /** Seconds of pictures that there are. */
  readonly seconds: number;
  /** The first datagram is rubbish. */
  readonly bogus: boolean;
}

export interface VodFaults {
  /** Every PLAY is answered, and nothing is sent. */
  silent: boolean;
  /** Status of every SETUP; 200 is none. */
  setup: number;
  /** Seconds after PLAY at which the pictures stop for good, whatever there is. */
  stopAfter: number;
  /** Nothing is answered any more. */
  mute: boolean;
}

/** One request as it came. */
export interface VodRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
}

export interface VodServer {
  readonly port: number;
  readonly faults: VodFaults;
  readonly requests: readonly VodRequest[];
  /** Sessions that were set up and not torn down, by name. */
  readonly sessions: ReadonlySet<string>;
  /** Most sessions that there were at once. */
  readonly most: number;
  /** Milliseconds for which more than one session has been sent. */
  readonly together: number;
  /** Sessions that ended otherwise than by TEARDOWN. */
  readonly abandoned: readonly string[];
  close(): Promise<void>;
}

/** Milliseconds without a request after which a session is dropped. */
const keepLimit = 60_000;

interface Session {
  readonly name: string;
  readonly url: string;
  readonly recording: Recording;
  readonly clientPort: number;
  showing?: Showing;
  timer?: ReturnType<typeof setTimeout>;
}

export async function openVod(find: (path: string) => Recording | undefined, pictures?: Pictures): Promise<VodServer> {
  const faults: VodFaults = { silent: false, setup: 200, stopAfter: Number.POSITIVE_INFINITY, mute: false };
  const requests: VodRequest[] = [];
  const sessions = new Map<string, Session>();
  const abandoned: string[] = [];
  const sockets = new Set<Socket>();
  const media = createSocket("udp4");
  media.on("error", () => {});
  media.bind(0, "127.0.0.1");
  await once(media, "listening");
  let names = 12_345_678;
  let most = 0;
  let together = 0;
  let since = 0;

  const count = () => {
    const now = performance.now();
    if (since > 0) together += now - since;
    since = [...sessions.values()].filter(({ showing }) => showing).length > 1 ? now : 0;
  };

  const drop = (session: Session) => {
    session.showing?.stop();
    clearTimeout(session.timer);
    sessions.delete(session.name);
    count();
  };
  const touch = (session: Session) => {
    clearTimeout(session.timer);
    session.timer = setTimeout(() => {
      abandoned.push(session.name);
      drop(session);
    }, keepLimit);
  };

  const play = (session: Session, from: number, to: string) => {
    const { recording, clientPort } = session;
    session.showing?.stop();
    if (faults.silent) return;
    const send = (datagram: Buffer) => media.send(datagram, clientPort, to, () => {});
    if (recording.bogus) send(Buffer.alloc(1316, 0xaa));
    const until = Math.min(recording.seconds, from + faults.stopAfter) * 1000;
    session.showing = show({ from: from * 1000, until, send, pictures });
    count();
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    const own = new Set<Session>();
    let expected = 1;
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      // As on the real network, pictures flow on until the session is torn down or forgotten.
      for (const session of own) if (sessions.has(session.name)) abandoned.push(session.name);
    });
    const answer = (status: string, headers: readonly string[]) => {
      // In one write; Session comes first, as there are clients that count lines.
      if (!socket.destroyed) socket.write([`RTSP/1.0 ${status}`, ...headers, "", ""].join("\r\n"));
    };
    const handle = (lines: readonly string[]) => {
      const [first = "", ...rest] = lines;
      const [method = "", url = "", version] = first.split(" ");
      const headers = Object.fromEntries(
        rest.map((line) => {
          const colon = line.indexOf(": ");
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
        }),
      );
      const path = url.replace(/^rtsp:\/\/[^/]+/, "");
      requests.push({ method, path, headers, at: performance.now() });
      if (faults.mute) return;
      const sequence = `CSeq: ${headers.cseq ?? ""}`;
      if (version !== "RTSP/1.0" || headers.cseq !== String(expected++)) return answer("400 Bad Request", [sequence]);
      if (method === "OPTIONS")
        return answer("200 OK", [sequence, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"]);
      const recording = find(path);
      if (!recording) return answer("404 Not Found", [sequence]);
      if (method === "SETUP") {
        const [, port] = /^MP2T\/H2221\/UDP;unicast;client_port=(\d+)$/.exec(headers.transport ?? "") ?? [];
        if (!port) return answer("461 Unsupported Transport", [sequence]);
        if (faults.setup !== 200) return answer(`${faults.setup} No`, [sequence]);
        const session: Session = { name: String(names++), url, recording, clientPort: Number(port) };
        sessions.set(session.name, session);
        own.add(session);
        most = Math.max(most, sessions.size);
        touch(session);
        return answer("200 OK", [
          `Session: ${session.name};timeout=60`,
          sequence,
          `Transport: MP2T/H2221/UDP;unicast;client_port=${port}`,
        ]);
      }
      const session = sessions.get(headers.session ?? "");
      if (!session || session.url !== url) return answer("454 Session Not Found", [sequence]);
      touch(session);
      const named = [`Session: ${session.name}`, sequence];
      if (method === "TEARDOWN") {
        drop(session);
        return answer("200 OK", named);
      }
      if (method === "GET_PARAMETER") return answer("200 OK", named);
      if (method !== "PLAY") return answer("405 Method Not Allowed", named);
      const [, from] = /^npt=(\d+(?:\.\d+)?)-end$/.exec(headers.range ?? "") ?? [];
      if (from === undefined || headers.scale !== "1.000") return answer("457 Invalid Range", named);
      answer("200 OK", named);
      play(session, Number(from), socket.remoteAddress?.replace(/^::ffff:/, "") ?? "127.0.0.1");
    };
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        handle(text.slice(0, end).split("\r\n"));
        text = text.slice(end + 4);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    faults,
    requests,
    get sessions() {
      return new Set(sessions.keys());
    },
    get most() {
      return most;
    },
    get together() {
      count();
      return together;
    },
    abandoned,
    async close() {
      for (const session of sessions.values()) drop(session);
      for (const socket of sockets) socket.destroy();
      server.close();
      await new Promise<void>((resolve) => media.close(() => resolve()));
    },
  };
}
