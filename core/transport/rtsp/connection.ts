// A connection to an RTSP server: requests and their answers, interleaved frames, and what the server itself asks.
import { HeadendError } from "../../errors.ts";
import { formatDuration } from "../../formats/duration.ts";
import {
  createRtspParser,
  formatRtsp,
  headerOf,
  type RtspFrame,
  type RtspHeaders,
  type RtspItem,
  type RtspRequest,
  type RtspResponse,
} from "../../formats/rtsp.ts";
import { reasonOf } from "../../reason.ts";
import { openWire, type Wire, type WireOptions } from "./wire.ts";

/** Its limit is that of each answer, too. */
export interface ConnectionOptions extends WireOptions {
  readonly onFrame: (frame: RtspFrame) => void;
  /** Called after the last frame of what came at once. */
  readonly onPause: () => void;
  /** Called once, when the connection has ended by itself; with an error unless the server ended it in order. */
  readonly onEnd: (error?: HeadendError) => void;
}

export interface RtspConnection extends Pick<Wire, "hold" | "relax"> {
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** @throws HeadendError `dial.timeout`, `dial.refused` */
  request(method: string, url: string, headers: RtspHeaders, body: Uint8Array): Promise<RtspResponse>;
  close(): Promise<void>;
}

interface Asked {
  readonly number: number;
  resolve(response: RtspResponse): void;
  reject(error: unknown): void;
}

/** What we do for a server that asks. */
const methods = ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE", "TEARDOWN", "REDIRECT"];

/** @throws HeadendError `dial.refused`, `dial.timeout`, or the signal's reason */
export async function openConnection(options: ConnectionOptions): Promise<RtspConnection> {
  const { shown, clock, limit, onFrame, onPause, onEnd } = options;
  const wire = await openWire(options);
  const { socket } = wire;
  const parser = createRtspParser();
  const asked: Asked[] = [];
  /** Numbers of requests that were given up. */
  const abandoned = new Set<string>();
  let number = 0;
  let closed = false;
  let over: HeadendError | undefined;

  const end = (error?: HeadendError) => {
    if (over) return;
    over = error ?? new HeadendError("dial.ended", { url: shown });
    for (const each of asked.splice(0)) each.reject(over);
    socket.destroy();
    if (!closed) onEnd(error);
  };
  const refuse = (reason: string, cause?: unknown) => new HeadendError("dial.refused", { url: shown, reason }, cause);
  const onResponse = (response: RtspResponse) => {
    const sequence = headerOf(response.headers, "cseq")?.trim() ?? "";
    const found = asked.findIndex((each) => String(each.number) === sequence);
    if (found < 0 && abandoned.delete(sequence)) return;
    // Servers that count wrongly, or not at all, answer in order.
    const [each] = asked.splice(Math.max(found, 0), 1);
    each?.resolve(response);
  };
  const onRequest = (request: RtspRequest) => {
    const known = methods.includes(request.method.toUpperCase());
    const headers: [string, string][] = [["CSeq", headerOf(request.headers, "cseq") ?? "0"]];
    if (!known || request.method.toUpperCase() === "OPTIONS") headers.push(["Public", methods.join(", ")]);
    const status = known ? 200 : 501;
    const reason = known ? "OK" : "Not Implemented";
    socket.write(formatRtsp({ kind: "response", status, reason, headers, body: new Uint8Array(0) }));
    if (/^(?:TEARDOWN|REDIRECT)$/i.test(request.method)) end();
  };
  const onItem = (item: RtspItem) => {
    if (item.kind === "frame") onFrame(item);
    else if (item.kind === "response") onResponse(item);
    else if (item.kind === "request") onRequest(item);
    else end(new HeadendError("dial.content", { url: shown, reason: item.reason }));
  };
  socket.on("end", () => end());
  socket.on("error", (error) => end(refuse(`the connection broke: ${reasonOf(error)}`, error)));
  socket.on("close", () => end());
  wire.read((bytes) => {
    for (const item of parser.push(bytes)) if (!over) onItem(item);
    if (!over) onPause();
  });

  return {
    localAddress: plain(socket.localAddress),
    remoteAddress: plain(socket.remoteAddress),
    async request(method, url, headers, body) {
      if (over) throw over;
      const mine = ++number;
      const answered = new AbortController();
      const answer = new Promise<RtspResponse>((resolve, reject) => {
        asked.push({ number: mine, resolve, reject });
        clock.sleep(limit, answered.signal).then(
          () => {
            const at = asked.findIndex((each) => each.number === mine);
            if (at >= 0) asked.splice(at, 1);
            abandoned.add(String(mine));
            reject(new HeadendError("dial.timeout", { url: shown, limit: formatDuration(limit) }));
          },
          () => {},
        );
      });
      socket.write(formatRtsp({ kind: "request", method, url, headers: [["CSeq", String(mine)], ...headers], body }));
      return await answer.finally(() => answered.abort());
    },
    hold: wire.hold,
    relax: wire.relax,
    async close() {
      closed = true;
      const gone = new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve())));
      end();
      await gone;
    },
  };
}

/** IPv4 as such, where the socket is of both families. */
function plain(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
}
