// A real web server on loopback whose answers a test writes, and a fetch of an instance that talks to it.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../core/clock.ts";
import { createFetch, createOriginLimiter, type FetchSetup, type InstanceFetch } from "../../../core/fetch/index.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Upstream {
  /** Without a slash at its end. */
  readonly url: string;
  /** Every request so far: method, path, headers. */
  readonly requests: readonly IncomingMessage[];
  answer: Handler;
  close(): Promise<void>;
}

export async function startUpstream(answer: Handler = (_, response) => response.end("ok")): Promise<Upstream> {
  return listen("http", (listener) => createServer(listener), answer);
}

/** Its certificate is signed by itself: nobody may trust it. */
export async function startTlsUpstream(answer: Handler = (_, response) => response.end("ok")): Promise<Upstream> {
  return listen(
    "https",
    (listener) => createTlsServer({ key: pem("PRIVATE KEY", key), cert: pem("CERTIFICATE", certificate) }, listener),
    answer,
  );
}

async function listen(
  scheme: string,
  create: (listener: RequestListener) => Server,
  answer: Handler,
): Promise<Upstream> {
  const requests: IncomingMessage[] = [];
  const server = create((request, response) => {
    requests.push(request);
    response.on("error", () => {});
    upstream.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream: Upstream = {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return upstream;
}

export interface Bench {
  readonly folder: string;
  readonly fetch: InstanceFetch;
  readonly warnings: string[];
  /** Another fetch over the same folder, as after a restart. */
  again(setup?: Partial<FetchSetup>): InstanceFetch;
  close(): Promise<void>;
}

/** A fetch in a folder of its own. */
export async function createBench(setup: Partial<FetchSetup> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "headend-test-fetch-"));
  const warnings: string[] = [];
  const silent = () => {};
  const life = new AbortController();
  const again: Bench["again"] = (other) =>
    createFetch({
      name: "italia",
      folder: join(folder, "documents"),
      clock: systemClock,
      log: { debug: silent, info: silent, warn: (sentence) => warnings.push(sentence), error: silent },
      base: folder,
      signal: life.signal,
      userAgent: "Headend/test",
      limiter: createOriginLimiter(),
      ...setup,
      ...other,
    });
  return {
    folder,
    fetch: again(),
    warnings,
    again,
    async close() {
      life.abort();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** All that a document holds. */
export async function textOf(document: { open(): AsyncIterable<Uint8Array> }): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of document.open()) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

function pem(kind: string, base64: string): string {
  return `-----BEGIN ${kind}-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END ${kind}-----\n`;
}

// For localhost and 127.0.0.1, 2020 to 2120, used nowhere else.
const key =
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaWp0fWy8GDM/2fw5OCPxInq+a4CD28Qvk/MFCyfgZLmhRANCAASxtfs7nK2jK/OhbJRaaNFQalqw6CKYN4vIut7++eA9frVMM/nGq8eD5XEULJ5JJZwh6aSv/5p4F1Dwtg1ScLuo";
const certificate =
  "MIIBZDCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLG1+zucraMr86FslFpo0VBqWrDoIpg3i8i63v754D1+tUwz+carx4PlcRQsnkklnCHppK//mngXUPC2DVJwu6ijSzBJMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBQsMEVGAcIiHNExcvak2aCNtDT4TzAKBggqhkjOPQQDAgNIADBFAiEAywhcd3LodBRnVNV5aODM04UzYqA8rdRCqnA3Hi8xV7ECIBIRH2RyFYAicc/LDTF1wKNvq+/pxLwLYUOynDavxb2H";
