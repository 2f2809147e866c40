// How checks reach this headend: by requests that come from outside as a client's do, and that give way to every viewer.
import { Buffer } from "node:buffer";
import { HeadendError } from "../errors.ts";
import { exchange } from "../fetch/exchange.ts";
import { judgeFirstPackets } from "../formats/first-packets.ts";
import type { Check, Clock, Probe } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { Credentials } from "./credentials.ts";
import { probeHeader } from "./mark.ts";

export interface ProbeOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly address: string;
  /** The server's own address, without a slash at its end: `http://192.168.1.5:8888`. */
  readonly origin: string;
  /** Where the instance's routes are below it: `/<instance>`, or `/`. */
  readonly mount: string;
  readonly credentials: Credentials;
  /** The value of the header that marks its requests. */
  readonly mark: string;
}

/** Milliseconds for an answer, and for pictures: an upstream that takes longer is one that viewers leave. */
const askLimit = 6000;
const watchLimit = 12_000;
/** Milliseconds without a byte after which a body counts as dead. */
const idleLimit = 6000;
/** Bytes read at most of what is to be pictures. */
const mostWatched = 2 ** 20;

export function createProbe(o: ProbeOptions): Probe {
  const { clock, signal, origin, mount, credentials } = o;

  async function send(url: string, method: string, limit: number): Promise<Response> {
    const own = url.startsWith(`${origin}/`);
    const address = URL.parse(url);
    if (!address || !/^https?:$/.test(address.protocol))
      throw new HeadendError("fetch.refused", { url, reason: "this is not an address" });
    return await exchange({
      url: address,
      method,
      headers: new Headers({
        accept: "*/*",
        "user-agent": "Headend doctor",
        [probeHeader]: o.mark,
        ...(own && credentials.headers),
      }),
      left: limit,
      allowed: limit,
      idle: idleLimit,
      maxBytes: Number.POSITIVE_INFINITY,
      clock,
      signal,
      onEnd() {},
    });
  }

  return {
    address: o.address,
    base: origin + credentials.prefix + (mount === "/" ? "" : mount),
    ask: (url, method = "GET") => send(url, method, askLimit),
    async watch(url) {
      const began = clock.monotonic();
      try {
        const head = await send(url, "HEAD", askLimit);
        const type = head.headers.get("content-type") ?? "nothing";
        if (head.status !== 200) return { ok: false, sentence: `HEAD was answered by ${head.status}` };
        if (!/^video\/mp2t\b/i.test(type)) return { ok: false, sentence: `HEAD says ${type}, not video/mp2t` };
        return await judge(await send(url, "GET", watchLimit), () => (clock.monotonic() - began) / 1000);
      } catch (error) {
        if (signal.aborted) throw error;
        return { ok: false, sentence: reasonOf(error) };
      }
    },
  };
}

/** Reads until it is clear what comes; the rest is given up. */
async function judge(response: Response, seconds: () => number): Promise<Pick<Check, "ok" | "sentence">> {
  if (response.status !== 200) {
    const said = await sentenceOf(response);
    const full = /^805\b/.test(response.headers.get("x-hdhomerun-error") ?? "");
    if (full) return { ok: "note", sentence: `not tried, to leave the tuners to those who watch: ${said}` };
    return { ok: false, sentence: said };
  }
  const reader = response.body?.getReader();
  let bytes: Uint8Array = new Uint8Array(0);
  try {
    for (;;) {
      const next = await reader?.read();
      if (next?.value) bytes = Buffer.concat([bytes, next.value]);
      const found = judgeFirstPackets(bytes, next?.done !== false || bytes.length > mostWatched);
      if (!found) continue;
      if ("fault" in found) return { ok: false, sentence: found.fault };
      const kinds = [found.video && "video", found.audio && "audio"].filter(Boolean).join(" and ");
      return { ok: true, sentence: `${kinds || "data"} after ${seconds().toFixed(1)} s` };
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

/** What an error says of itself, in the words of whoever answers. */
export async function sentenceOf(response: Response): Promise<string> {
  const { status } = response;
  const text = (await response.text().catch(() => "")).slice(0, 2000);
  try {
    const answer = JSON.parse(text) as { readonly error?: { readonly sentence?: unknown } };
    if (typeof answer.error?.sentence === "string") return answer.error.sentence;
  } catch {
    // Another program's words are of no use here.
  }
  return `it was answered by ${status}`;
}
