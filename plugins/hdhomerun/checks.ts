// Tries a device as its clients do: finds it, asks what it is, reads its lineup and guide, and plays a channel.
import type { Check, Client, Clock, Probe } from "../../core/plugin.ts";
import { formatAddress } from "./announced.ts";
import { mostForPlex } from "./channels.ts";
import { checkGuide } from "./guide-check.ts";
import { allowFix, checkSearches, type SearchFacts } from "./search-checks.ts";

/** The device that is tried. */
export interface CheckedDevice extends SearchFacts {
  /** What the config says. */
  readonly wantedPort: number;
  /** Where it answers; undefined: it could not be opened. */
  readonly port: number | undefined;
  readonly port80: boolean;
  readonly clock: Clock;
}

/** Whoever plays by a tuner. */
const tunerClients: readonly Client[] = ["Plex", "Jellyfin", "Emby", "Kodi pvr.hdhomerun", "Channels"];
/** Those of libhdhomerun, which keeps so many characters of a device's address and takes a longer one for none. */
const short = { clients: ["Kodi pvr.hdhomerun", "Channels"] as readonly Client[], most: 28 };

/** Side by side, so that the slow ones do not add up; in a fixed order. */
export async function* checkDevice(device: CheckedDevice, probe: Probe, signal: AbortSignal): AsyncGenerator<Check> {
  const { port } = device;
  if (port === undefined) {
    yield {
      ...{ name: "device", clients: tunerClients, ok: false },
      sentence: `its port ${device.wantedPort} could not be opened`,
      fix: "stop the program that has it, or give the device another `port`",
    };
    return;
  }
  const base = `http://${formatAddress(probe.address)}:${port}`;
  const described = await describe(device, base, probe);
  yield* described.checks;
  if (!described.answers) return;
  const parts: readonly (() => AsyncIterable<Check>)[] = [
    () => checkLineup(described.lineupUrl, probe),
    () => checkGuide(base, described.numbers, probe),
    () => checkSearches(device, signal),
    () => checkPort80(device, base, probe),
  ];
  const lists = await Promise.all(parts.map(gather));
  for (const list of lists) yield* list;

  async function* checkLineup(url: string, probe: Probe): AsyncGenerator<Check> {
    const name = "channels";
    const numbers = described.numbers.length;
    if (numbers === 0) {
      yield {
        ...{ name, clients: tunerClients, ok: false, sentence: "its lineup is empty" },
        fix: "see what include, exclude, range and first leave of /api/lineup",
      };
      return;
    }
    yield { name, clients: tunerClients, ok: true, sentence: `${numbers} channels` };
    if (numbers > mostForPlex)
      yield {
        ...{
          name,
          clients: ["Plex"],
          ok: "note",
          sentence: `Plex is known to fail above ${mostForPlex} on one device`,
        },
        fix: "split them over several devices, each with a port of its own, by include or range",
      };
    const { ok, sentence } = await probe.watch(url);
    yield {
      ...{ name: "pictures", clients: tunerClients, ok, sentence: `${url}: ${sentence}` },
      ...(ok === false && { fix: "see whether upstream plays it at all; the log tells more" }),
    };
  }
}

/** What the device says of itself, asked as clients ask. */
async function describe(device: CheckedDevice, base: string, probe: Probe) {
  const checks: Check[] = [];
  const fail = (sentence: string, fix: string) =>
    checks.push({ name: "device", clients: tunerClients, ok: false, sentence, fix });
  const nothing = { checks, answers: false, numbers: [] as readonly string[], lineupUrl: "" };
  const again = "stop what else listens there, or give the device another `port`";

  const discover = await read(`${base}/discover.json`, probe);
  if ("fault" in discover) {
    fail(
      `${base}/discover.json: ${discover.fault}`,
      discover.status === 403 ? allowFix : "see the log, and let a firewall pass TCP to this port",
    );
    return nothing;
  }
  const { DeviceID, TunerCount, BaseURL } = discover.value as Readonly<Record<string, unknown>>;
  if (DeviceID !== device.id) {
    fail(`another device answers at ${base}: ${JSON.stringify(DeviceID) ?? "without an id"}`, again);
    return nothing;
  }
  if (!Number.isInteger(TunerCount)) fail("TunerCount is no integer", "report it");
  const said = typeof BaseURL === "string" ? BaseURL : "";
  checks.push(...(await checkBase(device, said, base, probe)));

  const status = await read(`${base}/lineup_status.json`, probe);
  if ("fault" in status) fail(`lineup_status.json: ${status.fault}`, again);
  const description = await probe.ask(`${base}/device.xml`);
  if (!(await readText(description)).includes(`<UDN>uuid:${device.uuid}</UDN>`))
    fail(`device.xml does not describe it (${description.status})`, again);
  const head = await probe.ask(`${base}/lineup.json`, "HEAD");
  if (head.status !== 200) fail(`HEAD of lineup.json was answered by ${head.status}`, "report it");
  const lineup = await read(`${base}/lineup.json`, probe);
  if ("fault" in lineup || !Array.isArray(lineup.value)) {
    fail(`lineup.json: ${"fault" in lineup ? lineup.fault : "it is no list"}`, again);
    return nothing;
  }
  if (!checks.some(({ ok, name }) => name === "device" && ok === false))
    checks.unshift({ name: "device", clients: tunerClients, ok: true, sentence: `${device.id} answers at ${base}` });
  const entries = lineup.value as readonly { readonly GuideNumber?: string; readonly URL?: string }[];
  const numbers = entries.map(({ GuideNumber = "" }) => GuideNumber);
  return { checks, answers: true, numbers, lineupUrl: entries[0]?.URL ?? "" };
}

/** The address that the device says is its own: others must reach it there, and be able to keep it. */
async function checkBase(device: CheckedDevice, said: string, base: string, probe: Probe): Promise<Check[]> {
  const leaveOut = "publicHost: the IPv4 address of this machine, or leave it out";
  const checks: Check[] = [];
  if (said.length > short.most)
    checks.push({
      ...{ name: "address", clients: short.clients, ok: false, fix: leaveOut },
      sentence: `BaseURL ${said} has ${said.length} characters; these clients keep ${short.most} and take a longer one for none`,
    });
  if (said === base) return checks;
  const answer = await read(`${said}/discover.json`, probe);
  const fault = "fault" in answer ? answer.fault : undefined;
  const same = !fault && (answer as { value: { DeviceID?: unknown } }).value.DeviceID === device.id;
  if (!same)
    checks.push({
      ...{ name: "address", clients: tunerClients, ok: false, fix: leaveOut },
      sentence: `the device says that it is at ${said}: ${fault ?? "another one answers there"}`,
    });
  return checks;
}

/** Jellyfin takes what it finds to be at port 80, whatever the device says. */
async function* checkPort80(device: CheckedDevice, base: string, probe: Probe): AsyncGenerator<Check> {
  const check = { name: "port 80", clients: ["Jellyfin"] as const };
  const byHand = `add it by its address: ${base}`;
  if (!device.port80 && device.port !== 80) {
    const sentence = "Jellyfin's own search looks at port 80 only, where the device does not answer";
    yield { ...check, ok: "note", sentence, fix: `${byHand}, or port80: true` };
    return;
  }
  const answer = await read(`http://${formatAddress(probe.address)}/discover.json`, probe);
  const fault = "fault" in answer ? answer.fault : undefined;
  const id = fault ? undefined : (answer as { value: { DeviceID?: unknown } }).value.DeviceID;
  if (id === device.id) yield { ...check, ok: true, sentence: "answers" };
  else
    yield {
      ...{ ...check, ok: false, sentence: `port 80: ${fault ?? "another device answers there"}` },
      fix: `stop what has it, or let it be opened (CAP_NET_BIND_SERVICE); or ${byHand}`,
    };
}

type Read = { readonly value: object } | { readonly fault: string; readonly status?: number };

/** A JSON document. */
async function read(url: string, probe: Probe): Promise<Read> {
  try {
    const response = await probe.ask(url);
    const { status } = response;
    const text = await readText(response);
    if (status !== 200) return { fault: `it was answered by ${status}${sentenceIn(text)}`, status };
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { value } : { fault: "it is no JSON object" };
  } catch (error) {
    return { fault: error instanceof SyntaxError ? "it is no JSON" : reasonIn(error) };
  }
}

/** Characters of a document at most: whatever else listens at a port may never end. */
const longestText = 16 * 2 ** 20;

/** @throws RangeError when it is too long for what is asked */
async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) return text + decoder.decode();
      text += decoder.decode(next.value, { stream: true });
      if (text.length > longestText) throw new RangeError("what answers does not end");
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

function sentenceIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly sentence?: unknown } };
    return typeof error?.sentence === "string" ? `: ${error.sentence}` : "";
  } catch {
    return "";
  }
}

/** Core strikes out what is secret. */
function reasonIn(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

async function gather(part: () => AsyncIterable<Check>): Promise<readonly Check[]> {
  const checks: Check[] = [];
  try {
    for await (const check of part()) checks.push(check);
  } catch (error) {
    checks.push({ name: "device", clients: tunerClients, ok: false, sentence: reasonIn(error) });
  }
  return checks;
}
