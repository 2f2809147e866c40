// The first stages of the self-test: the way into the operator's network, and its names.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Check, Probe } from "../../../core/plugin.ts";
import type { Appserver } from "../../../providers/movistar/appserver.ts";
import { type CheckOptions, checkNetwork } from "../../../providers/movistar/checks.ts";
import { openNameServer } from "../../support/movistar/dns.ts";

/** A machine in whose network nothing answers. */
async function checksOf(endPoint: string, o: Partial<CheckOptions>): Promise<ReadonlyMap<string, Check>> {
  const appserver: Appserver = {
    endPoints: [endPoint],
    learn() {},
    ask: () => Promise.reject(new Error("nobody")),
  };
  const found = new Map<string, Check>();
  const options: CheckOptions = {
    ...{ appserver, probe: {} as Probe, extra: [] },
    receive: () => Promise.reject(new Error("no data")),
    face: async () => "127.0.0.1",
    route: async () => "127.0.0.1",
    past: () => undefined,
    ...o,
  };
  for await (const check of checkNetwork(options, AbortSignal.timeout(20_000))) found.set(check.name, check);
  return found;
}

test("without an interface that leads there, nothing else is tried", async () => {
  const checks = await checksOf("http://127.0.0.1:9", { face: async () => undefined });
  assert.deepEqual([...checks.keys()], ["interface"]);
  assert.equal(checks.get("interface")?.ok, false);
  assert.match(checks.get("interface")?.fix ?? "", /^name it with `interface`/);
});

test("an interface that is named and not there is told of by its name", async () => {
  const away = await checksOf("http://127.0.0.1:9", { face: async () => "192.0.2.77" });
  assert.equal(away.get("interface")?.sentence, "192.0.2.77 is no address of this machine");
  const face = () => Promise.reject(new Error("no network interface is called eth77"));
  const unknown = await checksOf("http://127.0.0.1:9", { face });
  for (const checks of [away, unknown]) {
    assert.deepEqual([...checks.keys()], ["interface"]);
    assert.match(checks.get("interface")?.fix ?? "", /^let `interface` name/);
  }
  assert.equal(unknown.get("interface")?.sentence, "no network interface is called eth77");
});

test("a way that begins at another interface is told of, with what to do", async () => {
  const towards: string[] = [];
  const route = async (to: string) => {
    towards.push(to);
    return "192.168.1.2";
  };
  const checks = await checksOf("http://10.0.0.9:2001", { route });
  assert.deepEqual(towards, ["10.0.0.9"]);
  assert.equal(checks.get("route")?.ok, "note");
  assert.match(checks.get("route")?.sentence ?? "", /begins at 192\.168\.1\.2, not at 127\.0\.0\.1/);
  assert.match(checks.get("route")?.fix ?? "", /add a route to 172\.26\.0\.0\/16/);
  const known = async (to: string) => (to === "127.0.0.1" ? to : undefined);
  const none = await checksOf("http://10.0.0.9:2001", { route: known });
  assert.match(none.get("route")?.sentence ?? "", /names no way to 10\.0\.0\.9;/);
  const dumb = await checksOf("http://10.0.0.9:2001", { route: async () => undefined });
  assert.match(dumb.get("route")?.sentence ?? "", /this runtime does not tell/);
});

test("names are asked of the name server that is used, and its silence is told of", async () => {
  const names = await openNameServer();
  try {
    const known = await checksOf("http://app.operator.test:2001", { dns: names.address });
    assert.match(known.get("DNS")?.sentence ?? "", /app\.operator\.test is 127\.0\.0\.1, says the name server 127/);
  } finally {
    await names.close();
  }
  const unknown = await checksOf("http://app.operator.invalid:2001", {});
  assert.equal(unknown.get("DNS")?.ok, "note");
  assert.match(unknown.get("DNS")?.sentence ?? "", /the system's name server does not know app\.operator\.invalid/);
  assert.equal(unknown.get("DNS")?.fix, "dns: 172.26.23.3");
  assert.equal(unknown.get("web service")?.ok, "note");
  assert.match(unknown.get("entry point")?.sentence ?? "", /no data/);
});
