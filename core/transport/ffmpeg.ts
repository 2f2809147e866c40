// What only ffmpeg can: opens RTMP, SRT, MMS and DASH, and makes a transport stream of other containers, without transcoding.
import { setImmediate } from "node:timers/promises";
import { HeadendError } from "../errors.ts";
import { recognise } from "../formats/content.ts";
import { reasonOf } from "../reason.ts";
import { describeUrl } from "../redact.ts";
import type { TransportSource } from "../types.ts";
import { type Child, feed, startChild } from "./child.ts";
import { type Chunks, closable, primed } from "./chunks.ts";
import { type DialContext, type OpenOptions, openingLimit } from "./context.ts";
import {
  codecArguments,
  describeRecoding,
  firstRecoding,
  nextRecoding,
  type Recoding,
  recodingFor,
} from "./ffmpeg-codecs.ts";
import { type FfmpegAddress, type FfmpegInput, formatInput } from "./ffmpeg-input.ts";
import { complaintOf, type Ffmpeg, findFfmpeg, forgetFfmpeg } from "./ffmpeg-program.ts";

/** What one run of ffmpeg is for. */
interface Run {
  /** For errors, without secrets. */
  readonly shown: string;
  readonly url?: string;
  /** What it is fed: the first through standard input, the others through descriptors 3 and on. */
  readonly sources: readonly Peekable[];
  /** Arguments for a program of this kind, and what it reads instead of sources. */
  prepare(ffmpeg: Ffmpeg): Promise<Pick<FfmpegInput, "args" | "script">>;
}

/** Pictures without covers of albums, and all sound; what else there is cannot be carried, or shown. */
const picturesAndSound = ["-map", "0:V?", "-map", "0:a?"];
/** At most three seconds are spent on finding out what there is; times that a container leaves out are made up. */
const lenient = ["-analyzeduration", "3000000", "-fflags", "+genpts"];
/** The same for who watches something as it happens. */
const hasty = ["-analyzeduration", "1000000", "-fflags", "+genpts+nobuffer"];
/** Every frame is written at once: a radio would else wait seconds for a full buffer. */
const written = ["-f", "mpegts", "-flush_packets", "1", "pipe:1"];
const transportStream = ["-c", "copy", ...written];

/** How ffmpeg is asked for an address. */
export interface AddressOptions {
  /** What to take of it; absent: pictures and sound. */
  readonly map?: readonly string[];
  /** Hands the bytes through as they are: for addresses that bring a transport stream. */
  readonly raw?: boolean;
  readonly patient?: boolean;
  /** What to transcode, when that is known; absent: what the wish of the dialler turns out to need. */
  readonly recoding?: Recoding;
}

/** Opens an address by ffmpeg up to the first bytes. @throws HeadendError `dial.*`, or the signal's reason. */
export async function openByFfmpeg(
  address: FfmpegAddress,
  options: OpenOptions,
  context: DialContext,
  { map = picturesAndSound, raw = false, patient = false, recoding }: AddressOptions = {},
): Promise<TransportSource> {
  const shown = describeUrl(address.url);
  const { media: wish } = options;
  let way: Recoding | undefined = recoding ?? firstRecoding(wish);
  const prepare: Run["prepare"] = async (ffmpeg) => {
    const { args, script, exposed } = formatInput(address, ffmpeg);
    if (exposed) context.log.warn("its secrets can be seen in this system's list of processes", { url: shown });
    const codecs = way ? codecArguments(way) : ["-c", "copy"];
    const output = raw ? ["-map", "0", "-c", "copy", "-f", "data", "pipe:1"] : [...map, ...codecs, ...written];
    const look = raw ? [] : wish ? hasty : lenient;
    return { args: [...look, ...args, ...output], ...(script === undefined ? {} : { script }) };
  };
  for (;;) {
    const task: Run = { shown, url: address.url, sources: [], prepare };
    let next: Recoding | undefined;
    try {
      const source = await open(task, options.signal, context, patient, (first) => {
        next = raw || recoding || !way ? undefined : nextRecoding(way, first, wish);
        return next === undefined;
      });
      const does = way && !raw ? describeRecoding(way) : "";
      if (source) return does ? { ...source, how: `ffmpeg: ${does}` } : source;
    } catch (error) {
      next = error instanceof UncarriedError && way ? recodingFor(error.codec, way, wish) : undefined;
      if (!next) throw error;
    }
    way = next;
  }
}

/** Makes a transport stream of bytes in another container, up to the first bytes. @throws HeadendError `dial.*` */
export async function openRemuxed(
  chunks: AsyncIterable<Uint8Array>,
  url: string,
  patient: boolean,
  signal: AbortSignal,
  context: DialContext,
): Promise<TransportSource> {
  const prepare = async () => ({ args: [...lenient, ...fromPipe(0), ...picturesAndSound, ...transportStream] });
  const task: Run = { shown: describeUrl(url), url, sources: [peekable(chunks)], prepare };
  const source = await open(task, signal, context, patient);
  if (!source) throw new Error("whatever it is suits");
  return source;
}

/**
 * Makes one transport stream of one or two inputs: pictures, and sound that comes apart. They may be fragmented MP4,
 * transport streams, or packed audio; times stay as they are where all of them carry times that can be compared.
 */
export function remuxToTs(
  context: DialContext,
): (inputs: AsyncIterable<Uint8Array>[], signal: AbortSignal) => TransportSource {
  return (inputs, signal) => {
    const sources = inputs.map(peekable);
    const prepare = async () => {
      const comparable = (await Promise.all(sources.map((source) => source.peek()))).every(isTimed);
      // Live inputs come in seconds: what is looked at by default, five of them, would all have to be there first.
      const pipes = inputs.flatMap((_, index) => [
        "-analyzeduration",
        "1000000",
        ...fromPipe(index === 0 ? 0 : index + 2),
      ]);
      const maps = inputs.flatMap((_, index) => ["-map", `${index}:V?`, "-map", `${index}:a?`]);
      return { args: [...(comparable ? ["-copyts"] : []), ...pipes, ...maps, ...transportStream] };
    };
    const both = AbortSignal.any([context.signal, signal]);
    return {
      kind: "ts",
      chunks: closable((life) => run({ shown: "HLS", sources, prepare }, life, context), both),
      patient: true,
      how: "ffmpeg",
    };
  };
}

function fromPipe(descriptor: number): string[] {
  return ["-protocol_whitelist", "pipe", "-i", `pipe:${descriptor}`];
}

/** @param suits looks at the first bytes; when it says no, all is closed and nothing given */
async function open(
  task: Run,
  signal: AbortSignal,
  context: DialContext,
  patient: boolean,
  suits: (first: Uint8Array) => boolean = () => true,
): Promise<TransportSource | undefined> {
  signal.throwIfAborted();
  const chunks: Chunks = closable((life) => run(task, life, context), signal);
  const begun = await primed(chunks, { shown: task.shown, clock: context.clock, limit: openingLimit });
  if (!begun) throw new HeadendError("dial.ffmpeg", { url: task.shown, reason: "it ended without giving anything" });
  if (recognise(begun.first, true).kind !== "ts") {
    await begun.chunks[Symbol.asyncIterator]().return();
    throw new HeadendError("dial.content", { url: task.shown, reason: "what ffmpeg gives is no transport stream" });
  }
  if (!suits(begun.first)) {
    await begun.chunks[Symbol.asyncIterator]().return();
    return undefined;
  }
  return { kind: "ts", chunks: begun.chunks, how: "ffmpeg", ...(patient && { patient }) };
}

/** One life of ffmpeg, from being found to being gone. */
async function* run(task: Run, signal: AbortSignal, context: DialContext): AsyncGenerator<Uint8Array> {
  const feeding: Promise<void>[] = [];
  let child: Child | undefined;
  let fault: unknown;
  const stop = () => void child?.stop();
  try {
    const ffmpeg = await findFfmpeg(context, task.shown);
    const { args, script } = await untilAborted(task.prepare(ffmpeg), signal);
    const sources = script === undefined ? task.sources : [peekable(once(new TextEncoder().encode(script)))];
    const always = ["-hide_banner", "-loglevel", "warning", "-nostats", ...(sources.length === 0 ? ["-nostdin"] : [])];
    child = startChild(ffmpeg.path, [...always, ...args], sources.length, context.clock);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    for (const [index, source] of sources.entries()) {
      const pipe = child.inputs[index];
      if (!pipe) continue;
      const fed = feed(pipe, { [Symbol.asyncIterator]: () => source }).catch((error) => {
        fault ??= error;
        stop();
      });
      feeding.push(fed);
    }
    let first = true;
    for await (const chunk of child.output) {
      if (first) await refuseUncarried(task, child);
      first = false;
      yield chunk;
    }
    const ending = await child.ended;
    if (ending.error) forgetFfmpeg(context.ffmpeg);
    if (ending.code !== 0 || first) throw failureOf(task, child.tail(), ending);
  } catch (error) {
    throw fault ?? error;
  } finally {
    signal.removeEventListener("abort", stop);
    await child?.stop();
    await settled([...task.sources.map((source) => source.return()), ...feeding], context);
  }
}

/** A transport stream has no place for a codec. */
class UncarriedError extends HeadendError {
  readonly codec: string;

  constructor(shown: string, codec: string) {
    super("dial.content", { url: shown, reason: `its codec ${codec} cannot be carried in a transport stream` });
    this.codec = codec;
  }
}

/** ffmpeg packs every codec, some in a way that no player understands. @throws HeadendError `dial.content` */
async function refuseUncarried({ shown }: Run, child: Child): Promise<void> {
  // Standard error was written before, yet may be read after.
  for (let turn = 0; turn < 8; turn++) await setImmediate();
  const codec = /codec (\S+), is muxed as a private data stream/.exec(child.tail())?.[1];
  if (codec === undefined) return;
  throw new UncarriedError(shown, codec);
}

function failureOf(
  task: Run,
  tail: string,
  ending: { code: number | null; signal: string | null; error?: Error },
): HeadendError {
  const how = ending.error
    ? `it could not be started: ${reasonOf(ending.error)}`
    : ending.signal
      ? `it was killed (${ending.signal})`
      : ending.code === 0
        ? "it ended without giving anything"
        : `it ended with code ${ending.code}`;
  const complaint = complaintOf(tail, task.url);
  return new HeadendError("dial.ffmpeg", { url: task.shown, reason: complaint ? `${how}: ${complaint}` : how });
}

/** Waits for what feeds to close, though not for ever: it may wait for a socket that only its own signal closes. */
async function settled(closing: readonly (Promise<unknown> | undefined)[], { clock }: DialContext): Promise<void> {
  const enough = new AbortController();
  const late = clock.sleep(2_000, enough.signal).catch(() => {});
  await Promise.race([Promise.allSettled(closing), late]);
  enough.abort();
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Chunks whose first can be looked at before they are read. */
interface Peekable extends AsyncIterator<Uint8Array> {
  /** The first chunk, empty when there is none. */
  peek(): Promise<Uint8Array>;
  return(): Promise<IteratorResult<Uint8Array>>;
}

function peekable(chunks: AsyncIterable<Uint8Array>): Peekable {
  const iterator = chunks[Symbol.asyncIterator]();
  let peeked: Promise<IteratorResult<Uint8Array>> | undefined;
  return {
    async peek() {
      peeked ??= iterator.next();
      const { done, value } = await peeked;
      return done ? new Uint8Array(0) : value;
    },
    next() {
      const next = peeked ?? iterator.next();
      peeked = undefined;
      return next;
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** What a promise gives, unless the signal aborts before. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** True for containers whose times are on one clock with others of the same programme. */
function isTimed(first: Uint8Array): boolean {
  const content = recognise(first, true);
  return content.kind === "ts" || (content.kind === "media" && content.name === "mp4");
}
