// Whether the guide goes with the device's lineup: Plex maps one to the other by number.
import { Buffer } from "node:buffer";
import { Scanner } from "../../core/formats/xmltv/index.ts";
import type { Check, Probe } from "../../core/plugin.ts";

/** Bytes of a guide that are read at most: its channels come first, and there is no need to see every programme. */
const mostRead = 32 * 2 ** 20;

export async function* checkGuide(base: string, numbers: readonly string[], probe: Probe): AsyncGenerator<Check> {
  const check = { name: "guide", clients: ["Plex"] as const };
  const url = `${base}/guide.xml?style=plex`;
  const response = await probe.ask(url);
  if (response.status !== 200) {
    await response.body?.cancel();
    const sentence = `${url} was answered by ${response.status}`;
    yield { ...check, ok: false, sentence, fix: "wait for the first refresh; /api/status says how the guides are" };
    return;
  }
  const { mapped, programmes } = await readNumbers(response);
  const missing = numbers.filter((number) => !mapped.has(number));
  const fix =
    "name guides in the config (`guides`, or an instance of xmltv); /api/guide/matches tells what matched what";
  if (!programmes || missing.length === numbers.length) {
    const sentence = programmes ? "none of the device's channels is in it by its number" : "it has no programme";
    yield { ...check, ok: false, sentence: `${sentence}: ${url}`, fix };
  } else if (missing.length > 0) {
    const sentence = `${missing.length} of ${numbers.length} channels have none, such as ${missing.slice(0, 5).join(", ")}: ${url}`;
    yield { ...check, ok: "note", sentence, fix };
  } else yield { ...check, ok: true, sentence: `its numbers are those of all ${numbers.length} channels: ${url}` };
}

/** The numbers of a guide's channels, and whether a programme follows them. The rest is given up. */
async function readNumbers(response: Response): Promise<{ mapped: ReadonlySet<string>; programmes: boolean }> {
  const mapped = new Set<string>();
  let programmes = false;
  const scanner = new Scanner({
    channel({ bytes, start, end }) {
      const text = bytes.toString("utf8", start, end);
      for (const [, number = ""] of text.matchAll(/<lcn>\s*([^<]*?)\s*<\/lcn>/g)) mapped.add(number);
    },
    programme(element) {
      programmes = true;
      element.skipRun = true;
    },
    lost() {},
  });
  const reader = response.body?.getReader();
  try {
    for (let read = 0; read < mostRead && !programmes; ) {
      const next = await reader?.read();
      if (!next || next.done) break;
      read += next.value.length;
      scanner.push(Buffer.from(next.value));
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
  return { mapped, programmes };
}
