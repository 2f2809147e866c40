// An HLS upstream whose window slides with a clock that tests move, and a session with it over real HTTP.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { afterEach, beforeEach } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createHlsSession, type HlsSession, type HlsSessionSetup } from "../../../../core/transport/hls/index.ts";
import { createTestClock, type TestClock } from "../../../support/clock.ts";
import { type Bench, createBench, type Handler, startUpstream, type Upstream } from "../../fetch/upstream.ts";

/** What an address answers: its content, or whatever the handler does. */
export type Answer = string | Uint8Array | Handler;

export interface Rig {
  readonly clock: TestClock;
  readonly url: string;
  readonly fetch: Bench["fetch"];
  /** By path, without what follows the `?`; change them at will. */
  readonly answers: Map<string, Answer>;
  /** Path and query of every request so far. */
  readonly requests: string[];
  readonly upstream: Upstream;
  readonly warnings: string[];
  open(setup?: Partial<HlsSessionSetup>): HlsSession;
  /** How often a path was asked for. */
  count(path: string): number;
  close(): Promise<void>;
}

export async function createRig(): Promise<Rig> {
  const clock = createTestClock();
  const bench = await createBench({ clock });
  const answers = new Map<string, Answer>();
  const requests: string[] = [];
  const warnings: string[] = [];
  const sessions: HlsSession[] = [];
  const upstream = await startUpstream((request, response) => {
    requests.push(request.url ?? "");
    const answer = answers.get((request.url ?? "").replace(/\?.*/, ""));
    if (typeof answer === "function") return answer(request, response);
    if (answer === undefined) return response.writeHead(404).end("gone");
    response.end(answer);
  });
  const silent = () => {};
  return {
    clock,
    url: upstream.url,
    fetch: bench.fetch,
    answers,
    requests,
    upstream,
    warnings,
    open(setup) {
      const session = createHlsSession({
        source: { kind: "hls", url: `${upstream.url}/main.m3u8` },
        fetch: bench.fetch,
        clock,
        log: { debug: silent, info: silent, warn: (sentence) => warnings.push(sentence), error: silent },
        signal: new AbortController().signal,
        ...setup,
      });
      sessions.push(session);
      return session;
    },
    count: (path) => requests.filter((request) => request.replace(/\?.*/, "") === path).length,
    async close() {
      await Promise.all(sessions.map((session) => session.close()));
      await Promise.all([bench.close(), upstream.close()]);
    },
  };
}

/** The rig of the test that runs. */
export let rig: Rig;

/** A rig for every test of a file. */
export function useRig(): void {
  beforeEach(async () => {
    rig = await createRig();
  });
  afterEach(() => rig.close());
}

/** Lets `/main.m3u8` list the segments `from … to`, and lets them be there. */
export function live(from: number, to: number, shown?: Shown): void {
  rig.answers.set("/main.m3u8", playlistOf(from, to, shown));
  for (let sequence = from; sequence <= to; sequence++)
    if (!rig.answers.has(`/seg${sequence}.ts`)) rig.answers.set(`/seg${sequence}.ts`, segmentOf(sequence));
}

/** What a live playlist says besides. */
export interface Shown {
  readonly head?: readonly string[];
  /** What stands before a segment, by its number. */
  readonly before?: (sequence: number) => string | undefined;
  readonly uri?: (sequence: number) => string;
  readonly ended?: boolean;
}

/** A media playlist of one-second segments `from … to`. */
export function playlistOf(from: number, to: number, { head = [], before, uri, ended }: Shown = {}): string {
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", `#EXT-X-MEDIA-SEQUENCE:${from}`, ...head];
  for (let sequence = from; sequence <= to; sequence++) {
    const more = before?.(sequence);
    if (more !== undefined) lines.push(more);
    lines.push("#EXTINF:1.0,", uri?.(sequence) ?? `seg${sequence}.ts`);
  }
  if (ended) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/** A segment of packets of one PID whose counters go on from segment to segment; each says which segment it is of. */
export function segmentOf(sequence: number, packets = 32): Uint8Array {
  const bytes = new Uint8Array(packets * 188).fill(sequence & 0xff);
  for (let index = 0; index < packets; index++)
    bytes.set([0x47, 0x01, 0x00, 0x10 | ((sequence * packets + index) & 0x0f)], index * 188);
  return bytes;
}

/** Which segments bytes are made of, in order; `-` for a mark. */
export function segmentsIn(bytes: Uint8Array): (number | "-")[] {
  const found: (number | "-")[] = [];
  for (let at = 0; at + 188 <= bytes.length; at += 188) {
    const each = ((bytes[at + 3] ?? 0) & 0x10) === 0 ? "-" : (bytes[at + 100] ?? 0);
    if (found.at(-1) !== each) found.push(each);
  }
  return found;
}

/** A join that is read in the background. */
export interface Reading {
  readonly bytes: Uint8Array;
  /** How many bytes had come when each gap was told of. */
  readonly gaps: readonly number[];
  readonly error: unknown;
  readonly done: boolean;
  stop(): Promise<void>;
}

export function readJoin(session: HlsSession): Reading {
  const chunks: Uint8Array[] = [];
  const gaps: number[] = [];
  const control = new AbortController();
  const length = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const state: { error?: unknown; done: boolean } = { done: false };
  const reading = (async () => {
    try {
      for await (const chunk of session.join(() => gaps.push(length()), control.signal)) chunks.push(chunk);
    } catch (error) {
      state.error = error;
    }
    state.done = true;
  })();
  return {
    get bytes() {
      return new Uint8Array(Buffer.concat(chunks));
    },
    gaps,
    get error() {
      return state.error;
    },
    get done() {
      return state.done;
    },
    async stop() {
      control.abort(new Error("enough"));
      await reading;
    },
  };
}

/** Lets real sockets work until something is so; the clock stands still meanwhile. */
export async function until(holds: () => boolean, what = "it"): Promise<void> {
  for (let turn = 0; turn < 200_000; turn++) {
    if (holds()) return;
    await setImmediate();
  }
  throw new Error(`${what} never came about`);
}

/** Moves the clock in small steps, letting sockets work between, until something is so. */
export async function advanceUntil(clock: TestClock, holds: () => boolean, most = 60_000): Promise<void> {
  for (let passed = 0; passed < most; passed += 250) {
    for (let turn = 0; turn < 1500 && !holds(); turn++) await setImmediate();
    if (holds()) return;
    await clock.advance(250);
  }
  throw new Error(`it did not come about within ${most} ms`);
}

/** Fails in a few words where bytes differ; nobody reads thousands of numbers. */
export function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  const at = expected.findIndex((octet, index) => actual?.[index] !== octet);
  assert.equal(actual?.length, expected.length, at < 0 ? "longer" : `other from byte ${at} on`);
  assert.equal(at, -1, `other from byte ${at} on`);
}
