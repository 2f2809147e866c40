// Says in one plain sentence why a request failed; every runtime has words of its own for it.
import { HeadendError } from "../errors.ts";
import { redact } from "../redact.ts";

// In this order: what is said of a certificate often mentions the connection too.
const sentences: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/\bE[MN]FILE\b/, "this process has no file descriptors left for a connection; its limit (ulimit -n) is too low"],
  [/expired|CERT_HAS_EXPIRED|notvalidafter/i, "its TLS certificate has expired"],
  [/ALTNAME|NotValidForName|hostname mismatch/i, "its TLS certificate is for another host name"],
  [
    /self.signed|UnknownIssuer|CaUsedAsEndEntity|UNABLE_TO_(?:GET_ISSUER|VERIFY)|unable to (?:get|verify)|certificate/i,
    "its TLS certificate is not signed by an authority that this system trusts",
  ],
  [
    /\bTLS\b|\bSSL|EPROTO|handshake|corrupt message|InvalidContentType/i,
    "no TLS is spoken there, or none that fits; is it http://?",
  ],
  [/ECONNREFUSED|refused/i, "the connection was refused; nothing listens there"],
  [/ENOTFOUND|EAI_|dns error|lookup|not known/i, "the host name is not known"],
  [/E(?:HOST|NET)UNREACH|unreachable|no route/i, "the host cannot be reached"],
  [/ETIMEDOUT|timed? ?out/i, "the host does not answer"],
  [/are blocked/i, "this runtime refuses to use that port"],
  [/zlib|gzip|brotli|decompress|deflate/i, "its Content-Encoding cannot be decoded"],
  [/ECONNRESET|EPIPE|closed|reset|broken pipe/i, "the connection was closed before an answer came"],
  [/parse|invalid HTTP|malformed|header/i, "the answer is not HTTP"],
];

/** The failure of a request before its answer. What the runtime threw is not kept: it may quote the address. */
export function failureOf(thrown: unknown, url: string): HeadendError {
  if (thrown instanceof HeadendError) return thrown;
  const words = wordsOf(thrown);
  const reason = sentences.find(([pattern]) => pattern.test(words))?.[1];
  return new HeadendError("fetch.refused", { url, reason: reason ?? redact(words).slice(0, 200) });
}

/** The failure of a body on its way. `expected` is 0 when its length was not announced. */
export function bodyFailureOf(thrown: unknown, url: string, received: number, expected: number): HeadendError {
  if (thrown instanceof HeadendError) return thrown;
  if (/zlib|gzip|brotli|decompress|deflate|unexpected end of file/i.test(wordsOf(thrown))) {
    return new HeadendError("fetch.encoding", { url, reason: "its Content-Encoding cannot be decoded" });
  }
  return new HeadendError("fetch.truncated", { url, received, expected: expected || "an unknown number of" });
}

/** Code, message and cause in one line. Addresses in it are cut out first: a host may be called `closed.example`. */
function wordsOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = "code" in thrown ? `${thrown.code} ` : "";
  const cause = thrown.cause === undefined ? "" : ` ${wordsOf(thrown.cause)}`;
  return (code + thrown.message + cause).replace(/\w+:\/\/[^\s"')]+/g, "");
}
