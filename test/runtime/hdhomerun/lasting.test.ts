// What clients key on stays for ever: a device's ids, its channels' numbers and addresses, over restarts and whatever upstream does.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { openUpstream } from "../../support/upstream.ts";
import { type Running, serving, withFolder } from "../process.ts";
import { until } from "../streams/headend.ts";

const options = { timeout: 60_000 } as const;

interface Seen {
  readonly id: unknown;
  readonly udn: string | undefined;
  /** Number and address by name. */
  readonly channels: Readonly<Record<string, readonly [number: unknown, url: unknown]>>;
}

const portOf = (running: Running): number => Number(/is at http:\/\/[^:]+:(\d+)/.exec(running.output())?.[1]);

async function see(base: string): Promise<Seen> {
  const device = (await (await fetch(`${base}/discover.json`)).json()) as Record<string, unknown>;
  const lineup = (await (await fetch(`${base}/lineup.json`)).json()) as Record<string, unknown>[];
  const xml = await (await fetch(`${base}/device.xml`)).text();
  return {
    id: device.DeviceID,
    udn: /<UDN>(.*)<\/UDN>/.exec(xml)?.[1],
    channels: Object.fromEntries(lineup.map(({ GuideName, GuideNumber, URL }) => [GuideName, [GuideNumber, URL]])),
  };
}

async function lastSuccess({ base }: Running): Promise<string | undefined> {
  const { instances } = (await (await fetch(`${base}/api/status`)).json()) as {
    instances: { name: string; lastSuccess?: string }[];
  };
  return instances.find(({ name }) => name === "up")?.lastSuccess;
}

const playlist = (names: readonly string[]) =>
  `#EXTM3U\n${names.map((name) => `#EXTINF:-1 tvg-id="${name}",${name}\nhttp://up.example/${name}\n`).join("")}`;

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test(
  "ids, numbers and addresses outlast a restart, another order, and the loss and return of half",
  options,
  async (t) => {
    const names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
    const upstream = await openUpstream({ "/list.m3u": playlist(names) });
    t.after(() => upstream.close());
    const port = await freePort();
    await withFolder(async (folder) => {
      const file = join(folder, "headend.yaml");
      await writeFile(
        file,
        `lineup: { shrinkGuard: 0 }
instances:
  up: { use: m3u, playlist: "${upstream.base}/list.m3u" }
  den: { use: hdhomerun, port: ${port}, discovery: { ssdp: false, hdhomerun: false } }
`,
      );
      const base = `http://127.0.0.1:${port}`;
      const has = (count: number) =>
        until(async () => Object.keys((await see(base)).channels).length === count, `not ${count}`);
      const run = <Result>(work: (running: Running) => Promise<Result>) =>
        serving(
          folder,
          async (running) => {
            await until(() => portOf(running) === port, "the device does not listen");
            const result = await work(running);
            await running.end("SIGTERM");
            return result;
          },
          ["--config", file],
        );
      const refresh = async (running: Running) => {
        const before = await lastSuccess(running);
        assert.ok((await fetch(`${running.base}/api/instances/up/refresh`, { method: "POST" })).ok);
        await until(async () => (await lastSuccess(running)) !== before, "it does not refresh");
      };

      const first = await run(async () => {
        await has(8);
        return await see(base);
      });
      assert.match(String(first.id), /^10A[0-9A-F]{5}$/);
      upstream.answers.set("/list.m3u", playlist(names.toReversed()));
      await run(async (running) => {
        await refresh(running);
        assert.deepEqual(await see(base), first, "after a restart and in another order");
        upstream.answers.set("/list.m3u", playlist(names.slice(4)));
        await refresh(running);
        await has(4);
        const half = await see(base);
        assert.equal(half.id, first.id);
        for (const [name, channel] of Object.entries(half.channels)) assert.deepEqual(channel, first.channels[name]);
      });
      upstream.answers.set("/list.m3u", playlist(["iota", ...names]));
      await run(async (running) => {
        await refresh(running);
        await has(9);
        const { channels, ...device } = await see(base);
        const { iota, ...known } = channels;
        assert.deepEqual({ ...device, channels: known }, first, "after half was lost and came back, over a restart");
        assert.equal(iota?.[0], "9", "a new channel gets a number that nobody had");
      });
    });
  },
);

test("a port that is taken degrades the instance alone, and is opened once it is free", options, async () => {
  const busy = net.createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const { port } = busy.address() as net.AddressInfo;
  await withFolder(async (folder) => {
    const file = join(folder, "headend.yaml");
    await writeFile(
      file,
      `instances:\n  den: { use: hdhomerun, port: ${port}, discovery: { ssdp: false, hdhomerun: false } }\n`,
    );
    await serving(
      folder,
      async ({ base }) => {
        const stateOf = async () => {
          const { instances } = (await (await fetch(`${base}/api/status`)).json()) as {
            instances: { name: string; state: string; sentence: string }[];
          };
          return instances.find(({ name }) => name === "den");
        };
        await until(async () => (await stateOf())?.state === "degraded", "it does not say so");
        assert.match((await stateOf())?.sentence ?? "", new RegExp(`cannot listen on .*:${port}: another program`));
        assert.equal((await fetch(`${base}/den/discover.json`)).status, 200);
        await new Promise((resolve) => busy.close(resolve));
        // Another config of the instance is tried at once.
        await writeFile(
          file,
          `instances:\n  den: { use: hdhomerun, port: ${port}, tuners: 9, discovery: { ssdp: false, hdhomerun: false } }\n`,
        );
        await until(async () => (await stateOf())?.state === "ok", "it stays degraded");
        const device = (await (await fetch(`http://127.0.0.1:${port}/discover.json`)).json()) as { TunerCount: number };
        assert.equal(device.TunerCount, 9);
      },
      ["--config", file],
    );
  });
});
