// A headend as its user runs it, against operators on loopback; what it says of its streams, and viewers who watch them.
import { Buffer } from "node:buffer";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { countContinuityErrors, type Probed, probe, tools } from "../../support/media.ts";
import { fetchUntil, type Running, serving } from "../process.ts";

/** Milliseconds until something that does not happen has failed. */
const patience = 20_000;

export interface StreamingStatus {
  readonly id: string;
  readonly channel: string;
  readonly instance: string;
  readonly state: string;
  readonly how: string;
  readonly failovers: number;
  readonly continuityErrors: number;
  readonly viewers: readonly { id: string; name: string; bytes: number; backlog: number; skips: number }[];
}

export interface Streaming extends Running {
  /** Everything that is open, as `/api/streams` tells. */
  streams(): Promise<readonly StreamingStatus[]>;
  /** A figure of `/metrics`, summed over its labels. */
  metric(name: string): Promise<number>;
  /** Resident memory of the process, in bytes. */
  memory(): Promise<number>;
  /** Nothing is open any more: no stream, no viewer, no tuner. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

/** Serves a config until it is closed; `streams.ffmpeg` is the tests' own. Resolves when every channel is there. */
export async function openStreaming(config: string, channels: number): Promise<Streaming> {
  const folder = await mkdtemp(join(tmpdir(), "headend-streams-"));
  const file = join(folder, "headend.yaml");
  await writeFile(file, config.replace(/^streams:/m, `streams:\n  ffmpeg: ${tools?.ffmpeg ?? "ffmpeg"}`));
  const started = Promise.withResolvers<Running>();
  const over = Promise.withResolvers<void>();
  const served = serving(
    folder,
    async (running) => {
      started.resolve(running);
      await over.promise;
    },
    ["--config", file],
  );
  served.catch(started.reject);
  const running = await started.promise;
  const { base, pid } = running;

  async function streams(): Promise<readonly StreamingStatus[]> {
    const answer = (await (await fetch(`${base}/api/streams`)).json()) as { streams: StreamingStatus[] };
    return answer.streams;
  }
  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${base}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    if (lines.length === 0) throw new Error(`/metrics has no ${name}`);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }
  const streaming: Streaming = {
    ...running,
    streams,
    metric,
    async memory() {
      const pages = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
      return Number(pages) * 1024;
    },
    async quiet() {
      await until(async () => (await streams()).length === 0, "streams stay open").catch(async (thrown: unknown) => {
        throw new Error(JSON.stringify(await streams()), { cause: thrown });
      });
      for (const name of ["headend_upstreams", "headend_viewers", "headend_ring_bytes", "headend_backlog_bytes"])
        if ((await metric(name)) !== 0) throw new Error(`${name} does not return to zero`);
    },
    async close() {
      over.resolve();
      await served;
      await rm(folder, { recursive: true, force: true });
    },
  };
  await fetchUntil(200, `${base}/readyz`);
  await until(async () => (await metric("headend_channels")) >= channels, "the lineup does not fill").catch(
    (thrown: unknown) => {
      throw new Error(running.output(), { cause: thrown });
    },
  );
  return streaming;
}

/** Asks again and again until something is so. */
export async function until(holds: () => boolean | Promise<boolean>, sentence: string): Promise<void> {
  const last = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > last) throw new Error(`${sentence}, after ${patience / 1000} s`);
    await sleep(20);
  }
}

export interface Watching {
  readonly status: number;
  readonly headers: Headers;
  /** All that has come so far. */
  readonly bytes: () => Uint8Array;
  readonly length: number;
  /** True when the body has ended in order. */
  readonly ended: boolean;
  /** True when it broke off. */
  readonly broken: boolean;
  /** Resolves when so much more has come, or the body is over. */
  more(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** A viewer who takes everything as it comes. */
export async function watch(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Watching> {
  const control = new AbortController();
  const response = await fetch(url, { signal: control.signal, redirect: "manual", headers });
  const chunks: Uint8Array[] = [];
  let length = 0;
  let state: "open" | "ended" | "broken" = "open";
  const reading = (async () => {
    try {
      for await (const chunk of response.body ?? []) {
        chunks.push(chunk);
        length += chunk.length;
      }
      state = "ended";
    } catch {
      state = "broken";
    }
  })();
  return {
    status: response.status,
    headers: response.headers,
    bytes: () => new Uint8Array(Buffer.concat(chunks)),
    get length() {
      return length;
    },
    get ended() {
      return state === "ended";
    },
    get broken() {
      return state === "broken";
    },
    async more(bytes) {
      const wanted = length + bytes;
      await until(() => length >= wanted || state !== "open", `no more than ${length} bytes of ${url} came`);
    },
    async close() {
      control.abort();
      await reading;
    },
  };
}

/** What is wrong with a transport stream that a viewer was given: nothing, if it begins with a PAT and continues without a gap. */
export function faultsOf(bytes: Uint8Array): string[] {
  const faults: string[] = [];
  if (bytes[0] !== 0x47 || ((bytes[1] ?? 0) & 0x1f) !== 0 || bytes[2] !== 0) faults.push("its first packet is no PAT");
  const errors = countContinuityErrors(bytes);
  if (errors > 0) faults.push(`${errors} continuity errors`);
  return faults;
}

/** Decodes; warnings count as complaints. The last packets may be cut off. */
export async function play(source: string | Uint8Array, seconds?: number): Promise<Probed> {
  return await probe(source, { args: ["-v", "warning"], ...(seconds === undefined ? {} : { seconds }) });
}
