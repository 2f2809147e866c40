// The self-test's own parts: bounded time, verdicts by client, addresses that others can have, and no secret shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeAddress } from "../../../core/doctor/address.ts";
import { credentialsFor } from "../../../core/doctor/credentials.ts";
import { createDoctor } from "../../../core/doctor/door.ts";
import { collect, createStrike, type Part } from "../../../core/doctor/index.ts";
import { chooseChannels } from "../../../core/doctor/pictures.ts";
import { formatDoctor, judgeClients, type ReportedCheck } from "../../../core/doctor/report.ts";
import type { Check, StreamStatus } from "../../../core/plugin.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel } from "../../support/host.ts";

const fine = (name: string): Check => ({ name, ok: true, sentence: "fine" });

async function* of(...checks: readonly Check[]): AsyncGenerator<Check> {
  yield* checks;
}

test("collect() keeps the order of the parts, and what one of them throws is its failure alone", async () => {
  const parts: readonly Part[] = [
    { name: "slow", list: () => of(fine("a"), fine("b")) },
    {
      name: "broken",
      instance: "tuner",
      async *list() {
        yield fine("c");
        throw new Error("no http://up.example/x?token=sesame");
      },
    },
    { name: "last", list: () => of(fine("d")) },
  ];
  const found = await collect(parts, createTestClock(), new AbortController());
  assert.deepEqual(
    found.map(({ instance, name, ok }) => [instance, name, ok]),
    [
      [undefined, "a", true],
      [undefined, "b", true],
      ["tuner", "c", true],
      ["tuner", "broken", false],
      [undefined, "d", true],
    ],
  );
  assert.doesNotMatch(JSON.stringify(found), /sesame/);
});

test("collect() ends after twenty seconds, with what was found by then, and aborts the rest", async () => {
  const clock = createTestClock();
  const control = new AbortController();
  const parts: readonly Part[] = [
    {
      name: "endless",
      async *list() {
        yield fine("a");
        await new Promise(() => {});
      },
    },
    { name: "done", list: () => of(fine("b")) },
  ];
  const collecting = collect(parts, clock, control);
  await clock.advance(20_000);
  const found = await collecting;
  assert.deepEqual(
    found.map(({ name, ok, sentence }) => [name, ok, sentence]),
    [
      ["a", true, "fine"],
      ["endless", false, "not done within 20s"],
      ["b", true, "fine"],
    ],
  );
  assert.ok(control.signal.aborted);
});

test("judgeClients() fails a client by what matters to it or to everybody, and serves none by what is general", () => {
  const verdicts = (...checks: readonly ReportedCheck[]) =>
    Object.fromEntries(judgeClients(checks).map(({ client, verdict }) => [client, verdict]));
  const plex: Check = { name: "x", clients: ["Plex"], ok: true, sentence: "" };
  assert.equal(verdicts(fine("a"), plex).Plex, "works");
  assert.equal(verdicts(fine("a"), plex).TiviMate, "not served");
  assert.equal(verdicts({ ...plex, ok: "note" }).Plex, "works");
  assert.equal(verdicts({ ...plex, ok: false }).Plex, "fails");
  assert.equal(verdicts(plex, { ...fine("a"), ok: false }).Plex, "fails");
});

test("formatDoctor() prints a fix under what fails, and the count at the end", () => {
  const checks: readonly ReportedCheck[] = [
    fine("address"),
    { instance: "tuner", name: "port", clients: ["Plex"], ok: false, sentence: "taken", fix: "another" },
  ];
  const text = formatDoctor({ ok: false, version: "1", at: "", seconds: 1, clients: judgeClients(checks), checks });
  assert.match(
    text,
    /Everybody\n {2}ok {5}address: fine\n\nPlex: fails\n {2}FAILS {2}tuner, port: taken\n {9}fix: another\n/,
  );
  assert.match(text, /1 check failed\.$/);
});

test("judgeAddress() refuses what players cannot reach", () => {
  const listen = { host: "0.0.0.0", port: 8888 };
  const judge = (facts: Partial<Parameters<typeof judgeAddress>[0]>) =>
    judgeAddress({ listen, address: "192.168.1.5", publicUrl: undefined, contained: false, ...facts });
  assert.equal(judge({}).ok, true);
  assert.equal(judge({ contained: true }).ok, true, "a container in the house's network");
  assert.equal(judge({ contained: true, address: "172.17.0.2" }).ok, false);
  assert.equal(judge({ contained: false, address: "172.17.0.2" }).ok, true);
  assert.equal(judge({ contained: true, address: "172.17.0.2", publicUrl: "http://192.168.1.5:8888" }).ok, true);
  assert.equal(judge({ contained: true, publicUrl: "http://172.17.0.2:8888" }).ok, false);
  for (const host of ["localhost", "127.0.0.1", "[::1]"])
    assert.equal(judge({ publicUrl: `http://${host}:8888` }).ok, false, host);
  assert.equal(judge({ listen: { host: "127.0.0.1", port: 1 }, address: "127.0.0.1" }).ok, "note");
  assert.equal(judge({ address: "127.0.0.1" }).ok, "note");
});

test("credentialsFor() takes the first token, else the first user, and nothing that is empty", () => {
  const users = { none: { password: "" }, ana: { password: "pass" } };
  assert.deepEqual(credentialsFor({ users: {}, tokens: {} }, undefined), { prefix: "", headers: {} });
  assert.deepEqual(credentialsFor({ users, tokens: { a: "", b: "x y" } }, undefined), {
    prefix: "/t/x%20y",
    headers: {},
  });
  assert.deepEqual(credentialsFor({ users, tokens: { a: "" } }, undefined).headers, {
    authorization: "Basic YW5hOnBhc3M=",
  });
});

test("createStrike() strikes out tokens, however short and however written", () => {
  const strike = createStrike({ tokens: { a: "x y", b: "" } });
  assert.equal(strike("at http://tv:1/t/x%20y and /t/x y/"), "at http://tv:1/t/*** and /t/***/");
});

test("chooseChannels() takes one of each of three instances, and what is open already first", () => {
  const channels = ["a", "a", "b", "c", "d"].map((instance, at) =>
    lineupChannel({ name: `${instance}${at}`, instance, number: `${at + 1}` }),
  );
  const names = (streams: readonly StreamStatus[]) => chooseChannels(channels, streams).map(({ name }) => name);
  assert.deepEqual(names([]), ["a0", "b2", "c3"]);
  const open = { channel: channels[1]?.id } as StreamStatus;
  assert.deepEqual(names([open]), ["a1", "b2", "c3"]);
  const add = { url: "plugin://plugin.video.x/1", name: "k", instance: "k", number: "0" };
  const [kodi, ...rest] = chooseChannels([lineupChannel(add), ...channels], []);
  assert.deepEqual([kodi?.name, rest.length], ["a0", 2], "what only Kodi opens is no test of ours");
  assert.deepEqual(names([{ ...open, at: 1 }]), ["a0", "b2", "c3"], "the past of a channel is another upstream");
});

test("createDoctor() refuses before anything listens, and marks nobody's requests while none is under way", async () => {
  const doctor = createDoctor(() => assert.fail("not to be asked"));
  await assert.rejects(doctor.run(), { code: "not.ready" });
  assert.equal(doctor.marks(new Request("http://tv/", { headers: { "x-headend-probe": "" } })), false);
});
