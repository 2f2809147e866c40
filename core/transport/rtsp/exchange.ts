// Asks an RTSP server and says who we are when it wants to know; every request of a session goes through here.
import { createHash, randomBytes } from "node:crypto";
import {
  type Challenge,
  type Credentials,
  formatAuthorization,
  type Hash,
  headerOf,
  headersOf,
  parseChallenges,
  type RtspHeaders,
  type RtspResponse,
  strongestChallenge,
} from "../../formats/rtsp.ts";
import { type ConnectionOptions, openConnection, type RtspConnection } from "./connection.ts";
import { RtspRedirect, RtspStatusError } from "./fault.ts";

export interface ExchangeOptions extends ConnectionOptions {
  readonly credentials?: Credentials;
  /** Sent with every request; what the protocol itself says is left out. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RtspExchange
  extends Pick<RtspConnection, "localAddress" | "remoteAddress" | "hold" | "relax" | "close"> {
  /** Sent with every request once it is set. */
  session: string | undefined;
  /** What the server can, when it has said so; in upper case. */
  readonly methods: ReadonlySet<string> | undefined;
  /** Gives an answer of any status, after it has said who we are. @throws HeadendError `dial.*` */
  ask(method: string, url: string, headers?: RtspHeaders, body?: Uint8Array): Promise<RtspResponse>;
  /** Gives a 2xx. @throws RtspStatusError, RtspRedirect, and what `ask()` throws */
  must(method: string, url: string, headers?: RtspHeaders): Promise<RtspResponse>;
}

/** Headers that are ours to write. */
const own =
  /^(?:cseq|session|transport|range|accept|content-(?:length|type)|require|authorization|host|connection|scale|speed)$/i;

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest("hex");
const nothing = new Uint8Array(0);

/** @throws HeadendError `dial.*`, or the signal's reason */
export async function openExchange(options: ExchangeOptions): Promise<RtspExchange> {
  const { credentials, shown } = options;
  const connection = await openConnection(options);
  const given = Object.entries(options.headers ?? {}).filter(([name]) => !own.test(name));
  if (!given.some(([name]) => /^user-agent$/i.test(name))) given.push(["User-Agent", "Headend"]);
  let challenge: Challenge | undefined;
  let uses = 0;
  let methods: ReadonlySet<string> | undefined;

  const authorization = (method: string, url: string, body: Uint8Array): RtspHeaders => {
    if (!challenge || !credentials) return [];
    const cnonce = randomBytes(16).toString("hex");
    const request = { method, url, body: new TextDecoder().decode(body), count: ++uses, cnonce };
    return [["Authorization", formatAuthorization(challenge, credentials, request, hash)]];
  };
  const ask = async (method: string, url: string, headers: RtspHeaders = [], body = nothing): Promise<RtspResponse> => {
    for (let turn = 0; ; turn++) {
      const session: RtspHeaders = exchange.session === undefined ? [] : [["Session", exchange.session]];
      const answeredAs = challenge;
      const all = [...given, ...authorization(method, url, body), ...session, ...headers];
      const response = await connection.request(method, url, all, body);
      const known = headerOf(response.headers, "public");
      if (known !== undefined) methods = new Set(known.toUpperCase().split(/[\s,]+/));
      if (response.status !== 401 || !credentials || turn >= 2) return response;
      const next = strongestChallenge(parseChallenges(headersOf(response.headers, "www-authenticate")));
      const stale = next?.parameters.stale?.toLowerCase() === "true";
      // A nonce that has had its day is replaced, whether it is called stale or not; twice the same answer is no use.
      const renewed = next?.parameters.nonce !== answeredAs?.parameters.nonce;
      if (!next || (answeredAs && !stale && !(renewed && turn === 0))) return response;
      challenge = next;
      uses = 0;
    }
  };

  const exchange: RtspExchange = {
    session: undefined,
    localAddress: connection.localAddress,
    remoteAddress: connection.remoteAddress,
    hold: connection.hold,
    relax: connection.relax,
    close: connection.close,
    get methods() {
      return methods;
    },
    ask,
    async must(method, url, headers) {
      const response = await ask(method, url, headers);
      if (response.status >= 200 && response.status < 300) return response;
      const location = headerOf(response.headers, "location");
      if (response.status >= 300 && response.status < 400 && location) throw new RtspRedirect(shown, location);
      throw new RtspStatusError(shown, method, response);
    },
  };
  return exchange;
}
