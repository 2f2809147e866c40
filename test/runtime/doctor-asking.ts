// Headends to be tested by their doctor, and the ways to ask for it.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../core/transport/udp/sending.ts";
import { type End, fetchUntil, type Running, runHeadend, serving, withFolder } from "./process.ts";

export interface Report {
  readonly ok: boolean;
  readonly at: string;
  readonly seconds: number;
  readonly clients: readonly { client: string; verdict: string }[];
  readonly checks: readonly {
    instance?: string;
    name: string;
    clients?: string[];
    ok: boolean | "note";
    sentence: string;
    fix?: string;
  }[];
}

/** A device on loopback, with ports that nobody else asks at. */
export const tuner = async (keys = "") =>
  `{ use: hdhomerun, port: 0, ${keys} discovery: { interfaces: [127.0.0.1], ports: { hdhomerun: ${await freePort()}, ssdp: ${await freePort()} } } }`;

/** Two test cards and a device of their own. */
export const well = async (keys = "", more = "") =>
  `${more}instances:\n  testcard: { use: testcard }\n  tuner: ${await tuner(keys)}\n`;

/** Serves a config while `work` runs. */
export async function running<Result>(config: string, work: (headend: Running, file: string) => Promise<Result>) {
  return await withFolder(async (folder) => {
    const file = join(folder, "headend.yaml");
    await writeFile(file, config);
    return await serving(folder, (headend) => work(headend, file), ["--config", file]);
  });
}

export const ready = (headend: Running) => fetchUntil(200, `${headend.base}/readyz`);

export async function ask(headend: Running): Promise<Report> {
  await ready(headend);
  const response = await fetch(`${headend.base}/api/doctor`);
  assert.equal(response.status, 200);
  return (await response.json()) as Report;
}

export const failing = ({ checks }: Report) => checks.filter(({ ok }) => ok === false);
/** Without a headend that runs: `doctor` starts one. */
export async function doctor(config: string, args: readonly string[] = [], path?: string): Promise<End> {
  return await withFolder(async (folder) => {
    await writeFile(join(folder, "headend.yaml"), config);
    const words = ["doctor", "--data", join(folder, "data"), ...args];
    const { PATH } = process.env;
    if (path !== undefined) process.env.PATH = path;
    const end = runHeadend(words, folder);
    process.env.PATH = PATH;
    return await end;
  });
}
export const alone = ["--listen", "127.0.0.1:0"];
