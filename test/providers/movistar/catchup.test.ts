// Live and the past by way of the whole headend: the right pictures from the right second on, and no session left behind.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../support/host.ts";
import { countContinuityErrors, mediaMissing, probe, wholeUnits } from "../../support/media.ts";
import { openWhole, read, type Whole } from "../../support/movistar/headend.ts";
import { type Movistar, openMovistar } from "../../support/movistar/index.ts";
import { secondOf, secondsOf } from "../../support/movistar/pictures.ts";
import { multicastMissing } from "../../support/multicast.ts";

/** Programmes of eight seconds, from twenty minutes ago on. */
const short = { ago: 1200, count: 60, seconds: 8 };
/** Bytes of a second of these pictures, about. */
const second = 14_000;

let operator: Movistar;
let whole: Whole;

before(async () => {
  operator = await openMovistar({ multicast: multicastMissing === false, short, tail: 1 });
  whole = await openWhole(`${operator.config}    linger: 0s\n`);
  await whole.refresh();
});
after(async () => {
  await whole.close();
  await operator.close();
});
afterEach(async () => {
  Object.assign(operator.vod.faults, { silent: false, setup: 200, stopAfter: Number.POSITIVE_INFINITY, mute: false });
  Object.assign(operator.app.faults, { fault: undefined, shift: 0, catchup: undefined });
  await until(() => operator.vod.sessions.size === 0, `sessions are left: ${[...operator.vod.sessions]}`);
  assert.deepEqual(operator.vod.abandoned, []);
});

/** A programme of half an hour that was shown more than an hour ago. */
function longOne(channel: number) {
  const now = Date.now() / 1000;
  const found = operator.eventsOf(channel).find(({ start, duration }) => duration === 1800 && start > now - 3 * 3600);
  assert.ok(found);
  return found;
}

const shortOnes = (channel: number) => operator.eventsOf(channel).filter(({ duration }) => duration === short.seconds);
const plays = () => operator.vod.requests.filter(({ method }) => method === "PLAY");
const error = async (response: Response) => ((await response.json()) as { error: { sentence: string } }).error.sentence;

for (const [channel, how] of [
  [2543, "RTP with an extension"],
  [1825, "RTP"],
  [4714, "no RTP"],
] as const)
  test(`live comes through with ${how}`, async () => {
    const showing = operator.startLive(channel);
    const response = await whole.get(`/tv/${channel}/mpegts`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "video/mp2t");
    const bytes = await read(response, 1.5 * second);
    showing.stop();
    assert.ok(secondsOf(bytes).length > 20);
    assert.equal(countContinuityErrors(bytes), 0);
  });

test("a live group that is silent answers with an error within fifteen seconds", { timeout: 30_000 }, async () => {
  const begun = performance.now();
  const response = await whole.get("/tv/4900/live");
  assert.equal(response.status, 504);
  assert.ok(performance.now() - begun < 15_000);
});

test("every form of address begins at the right second of the right programme", { timeout: 60_000 }, async () => {
  const event = longOne(2543);
  const at = event.start + 601;
  const wall = (() => {
    const date = new Date(at * 1000);
    const two = (value: number) => String(value).padStart(2, "0");
    const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
    return { minute: `${day}${two(date.getHours())}${two(date.getMinutes())}`, second: two(date.getSeconds()) };
  })();
  const minute = at - Number(wall.second);
  const forms: readonly [string, number][] = [
    [`${at}`, at],
    [`${at + 1}.m3u8`, at + 1],
    [`${at + 2}-3600.ts`, at + 2],
    [`${at + 3}-${at + 900}.ts`, at + 3],
    [`video-${at + 4}-3600.mpeg`, at + 4],
    [`timeshift_abs-${at + 5}.ts`, at + 5],
    [`archive-${at + 6}-3600.mp4`, at + 6],
    [wall.minute, minute],
    [`${wall.minute}${wall.second}`, at],
  ];
  for (const [form, wanted] of forms) {
    const response = await whole.get(`/tv/2543/${form}`);
    assert.equal(response.status, 200, form);
    const bytes = await read(response, second);
    assert.equal(plays().at(-1)?.path, `/2543/${event.pid}`, form);
    assert.equal(plays().at(-1)?.headers.range, `npt=${wanted - event.start}.000-end`, form);
    // From the next key frame on.
    const off = (secondOf(bytes) ?? 0) - (wanted - event.start);
    assert.ok(off > -0.3 && off < 1.5, `${form} begins ${off} s off`);
    await until(() => operator.vod.sessions.size === 0, "no TEARDOWN came");
  }
  const relative = await whole.get(`/tv/2543/timeshift_rel-${Math.floor(Date.now() / 1000) - at}.ts`);
  await read(relative, second);
  const [, npt = ""] = /npt=([\d.]+)-/.exec(plays().at(-1)?.headers.range ?? "") ?? [];
  assert.ok(Math.abs(Number(npt) - (at - event.start)) < 3);
});

test("core's own addresses of the past lead to the same", async () => {
  const event = longOne(2543);
  const bytes = await read(await whole.get(`/live/tv:2543/timeshift_abs-${event.start + 60}.ts`), second);
  assert.equal(Math.round(secondOf(bytes) ?? 0), 60);
});

test("programme follows programme in one answer, without a gap, marked, and with two sessions at most", {
  timeout: 60_000,
}, async () => {
  const [one, two, three] = shortOnes(2543);
  assert.ok(one && two && three);
  const before = plays().length;
  const { together } = operator.vod;
  const response = await whole.get(`/tv/2543/${one.start + 2}`);
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let longest = 0;
  let last = performance.now();
  // Six seconds of the first, eight of the second, and some of the third.
  while (plays().length < before + 3 || chunks.length < 10) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done || !value) break;
    if (chunks.length > 0) longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    chunks.push(value);
  }
  for (let more = 0; more < 8; more++) chunks.push((await reader?.read())?.value ?? new Uint8Array());
  await reader?.cancel();
  const played = plays().slice(before);
  assert.deepEqual(
    played.map(({ path, headers }) => [path, headers.range?.replace(/\.\d+/, "")]),
    [
      [`/2543/${one.pid}`, "npt=2-end"],
      [`/2543/${two.pid}`, "npt=0-end"],
      [`/2543/${three.pid}`, "npt=0-end"],
    ],
  );
  assert.ok(longest < 1000, `${longest} ms without a byte`);
  const bytes = new Uint8Array(Buffer.concat(chunks));
  assert.equal(countContinuityErrors(bytes), 0);
  const seconds = secondsOf(bytes);
  const falls = seconds.filter((value, index) => value < (seconds[index - 1] ?? 0)).length;
  assert.equal(falls, 2);
  assert.ok(operator.vod.most <= 2);
  // On the line they count as one.
  assert.ok(operator.vod.together - together < 300, `${operator.vod.together - together} ms of two at once`);
});

test("a past can be decoded from its first picture on", { skip: mediaMissing, timeout: 60_000 }, async () => {
  const bytes = await read(await whole.get(`/tv/1825/${longOne(1825).start + 200}`), 4 * second);
  const { streams, complaints } = await probe(wholeUnits(bytes));
  assert.deepEqual(complaints, []);
  assert.ok(streams.some(({ type, frames }) => type === "video" && frames > 50));
});

test("a viewer who leaves is followed by TEARDOWN within two seconds", async () => {
  const response = await whole.get(`/tv/2543/${longOne(2543).start + 5}`);
  await read(response, second);
  const left = performance.now();
  await until(() => operator.vod.sessions.size === 0, "the session stays");
  assert.ok(performance.now() - left < 2000);
});

test("two viewers at one place share one session", async () => {
  const before = plays().length;
  const path = `/tv/2543/${longOne(2543).start + 77}`;
  const [one, two] = await Promise.all([whole.get(path), whole.get(path)]);
  await Promise.all([read(one, 2 * second), read(two, 2 * second)]);
  assert.equal(plays().length, before + 1);
});

test("on a channel that is not HD the first datagram, which is rubbish, is dropped", async () => {
  const bytes = await read(await whole.get(`/tv/1825/${longOne(1825).start + 30}`), second);
  assert.equal(bytes[0], 0x47);
  assert.equal(countContinuityErrors(bytes), 0);
});

test("channels of one replacement both have their past, each by its own name", async () => {
  for (const channel of [4714, 4715]) {
    const event = longOne(channel);
    await read(await whole.get(`/tv/${channel}/${event.start + 10}`), second);
    assert.equal(plays().at(-1)?.path, `/${channel}/${event.pid}`);
  }
});

test("when the recording began is believed more than the guide", async () => {
  operator.app.faults.shift = 120;
  const event = longOne(2543);
  await read(await whole.get(`/tv/2543/${event.start + 600}`), second);
  assert.equal(plays().at(-1)?.headers.range, "npt=480.000-end");
  // Not when it would be another programme.
  operator.app.faults.shift = 30 * 86_400;
  await read(await whole.get(`/tv/2543/${event.start + 601}`), second);
  assert.equal(plays().at(-1)?.headers.range, "npt=601.000-end");
});

test("a recording that stops early is taken up where it stopped", { timeout: 60_000 }, async () => {
  operator.vod.faults.stopAfter = 3;
  const event = longOne(2543);
  const before = plays().length;
  const bytes = await read(await whole.get(`/tv/2543/${event.start + 100}`), 6 * second);
  assert.ok(plays().length >= before + 2);
  const [, npt = ""] = /npt=([\d.]+)-/.exec(plays()[before + 1]?.headers.range ?? "") ?? [];
  assert.ok(Math.abs(Number(npt) - 103) < 1, `it went on at ${npt}`);
  assert.equal(countContinuityErrors(bytes), 0);
});

test("what is not there is 404, and says why", async () => {
  const [first] = operator.eventsOf(2543);
  assert.ok(first);
  const future = await whole.get(`/tv/2543/${Math.floor(Date.now() / 1000) + 3600}`);
  assert.equal(future.status, 404);
  assert.match(await error(future), /not been shown yet/);
  const early = await whole.get(`/tv/2543/${first.start - 7200}`);
  assert.equal(early.status, 404);
  assert.match(await error(early), /no programme at that time/);
  assert.equal((await whole.get("/tv/777/live")).status, 404);
  assert.equal((await whole.get("/tv/2543/nonsense")).status, 404);
  operator.app.faults.fault = "empty";
  const missing = await whole.get(`/tv/2543/${longOne(2543).start + 3}`);
  assert.equal(missing.status, 404);
  assert.match(await error(missing), /has no recording/);
});

test("a catch-up service that is down is 503, and says so", async () => {
  operator.app.faults.catchup = "rtsp://127.0.0.1:9/2543/1";
  const response = await whole.get(`/tv/2543/${longOne(2543).start + 4}`);
  assert.equal(response.status, 503);
  assert.match(await error(response), /catch-up service is down/);
  operator.app.faults.fault = "down";
  const other = await whole.get(`/tv/2543/${longOne(2543).start + 6}`);
  assert.equal(other.status, 503);
  assert.match(await error(other), /web service does not answer/);
});

test("silence after PLAY, and refusals, end within twenty seconds, torn down", { timeout: 60_000 }, async () => {
  const begun = performance.now();
  operator.vod.faults.silent = true;
  assert.equal((await whole.get(`/tv/2543/${longOne(2543).start + 7}`)).status, 504);
  assert.ok(performance.now() - begun < 20_000);
  operator.vod.faults.silent = false;
  operator.vod.faults.setup = 453;
  assert.equal((await whole.get(`/tv/2543/${longOne(2543).start + 8}`)).status, 502);
});

test("HEAD answers what GET would, and opens nothing", async () => {
  const before = operator.vod.requests.length;
  const at = longOne(2543).start + 9;
  for (const [path, status] of [
    [`/tv/2543/${at}.ts`, 200],
    ["/tv/2543/live", 200],
    ["/tv/2543/mpegts", 200],
    [`/tv/cloud/2543/${at}`, 200],
    [`/tv/2543/${at + 86_400 * 30}`, 404],
    ["/tv/777/live", 404],
  ] as const) {
    const response = await whole.get(path, { method: "HEAD" });
    assert.equal(response.status, status, path);
    if (status === 200) assert.equal(response.headers.get("content-type"), "video/mp2t");
  }
  await sleep(100);
  assert.equal(operator.vod.requests.length, before);
});

test("a channel is found by its name, when that is no other's", async () => {
  const response = await whole.get("/tv/la1hd.ts", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal((await whole.get("/tv/La1/mpegts", { method: "HEAD" })).status, 200);
  assert.equal((await whole.get("/tv/neox/live", { method: "HEAD" })).status, 200);
  assert.equal((await whole.get("/tv/o/live", { method: "HEAD" })).status, 404);
});
