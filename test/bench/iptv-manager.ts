// How an EPG of 50 MB is taken from an add-on: seconds, memory, and how long nothing else gets its turn.
//   bun test/bench/iptv-manager.ts [--megabytes 50] [--rounds 3] [--way callback|command]
// `block` is the longest that the event loop was held by work of this process (on the clock: others had the processor, too); `memory` is what the process grew by at most while it was at it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { createCache } from "../../core/cache.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { openCallback } from "../../providers/iptv-manager/callback.ts";
import { runCommand } from "../../providers/iptv-manager/command.ts";
import { type ReadGuide, readGuide } from "../../providers/iptv-manager/documents.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "50" },
    rounds: { type: "string", default: "3" },
    way: { type: "string", default: "callback" },
    child: { type: "string" },
  },
});
const limits = { connect: 30_000, silence: 60_000, total: 300_000, maxBytes: 2 ** 30 };
const signal = new AbortController().signal;

/** As add-ons send it: JSON with everything beyond ASCII escaped. */
function* guideText(size: number): Generator<string> {
  let written = 0;
  yield '{"version": 1, "epg": {';
  for (let channel = 0; written < size; channel++) {
    const list = Array.from({ length: 400 }, (_, place) => {
      const start = Date.UTC(2026, 0, 1) + place * 1_800_000;
      return {
        start: new Date(start).toISOString().replace(".000Z", "+00:00"),
        stop: new Date(start + 1_800_000).toISOString().replace(".000Z", "+00:00"),
        title: `Programme ${place} of channel ${channel}`,
        subtitle: "A subtitle with \u00e9\u00e8\u00e0 in it",
        description: `What it is about, in some sentences; ${'more words follow & "some" quotes. '.repeat(4)}`,
        episode: "S01E05",
        genre: ["Comedy", "Series"],
        image: `https://pictures.example/${channel}/${place}.jpg`,
        credits: [{ type: "actor", name: "A. Person", role: "Somebody" }],
        stream: `plugin://plugin.video.example/play/${channel}/${place}`,
      };
    });
    const text = `${channel === 0 ? "" : ", "}"channel${channel}.example": ${escaped(JSON.stringify(list))}`;
    written += text.length;
    yield text;
  }
  yield "}}";
}

const escaped = (text: string) =>
  text.replace(/[\u0080-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

if (values.child !== undefined) await measure(values.child);
else {
  const folder = await mkdtemp(join(tmpdir(), "headend-bench-"));
  try {
    const file = join(folder, "epg.json");
    await writeFile(file, [...guideText(Number(values.megabytes) * 1e6)].join(""));
    for (let round = 0; round < Number(values.rounds); round++) {
      const words = [...process.execArgv, import.meta.filename, "--child", file, "--way", values.way];
      const child = spawn(process.execPath, words, { stdio: "inherit" });
      await once(child, "close");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process of its own, so that its memory is what this takes. */
async function measure(file: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headend-bench-"));
  const { size } = await stat(file);
  const python = `import socket,sys\ns=socket.create_connection(('127.0.0.1',int(sys.argv[2])))\ns.sendall(open(sys.argv[1],'rb').read())\ns.close()`;
  const sending = ["python3", "-c", python, file];
  const open = async () => {
    if (values.way === "command")
      return runCommand({ what: "guide", words: [...sending, "{port}"], limits, clock, signal });
    const callback = await openCallback({ what: "guide", limits, clock, signal });
    spawn("python3", [...sending.slice(1), String(callback.port)], { stdio: "ignore" });
    return callback.chunks();
  };
  const before = process.memoryUsage().rss;
  let most = before;
  let block = 0;
  let held = 0;
  let running = true;
  const watching = (async () => {
    while (running) {
      const [wall, used] = [performance.now(), process.cpuUsage()];
      await new Promise((resolve) => setImmediate(resolve));
      const { user, system } = process.cpuUsage(used);
      held = Math.max(held, performance.now() - wall);
      block = Math.max(block, Math.min(performance.now() - wall, (user + system) / 1000));
      most = Math.max(most, process.memoryUsage.rss());
    }
  })();
  let read: ReadGuide | undefined;
  const started = performance.now();
  const cache = createCache(folder);
  const document = readGuide(await open(), (guide) => {
    read = guide;
  });
  const { bytes } = await cache.write("guide.xml", document);
  const seconds = (performance.now() - started) / 1000;
  running = false;
  await watching;
  await rm(folder, { recursive: true, force: true });
  const megabytes = (n: number) => `${(n / 1e6).toFixed(1)} MB`;
  process.stdout.write(
    `${values.way}: ${megabytes(size)} in, ${read?.count} programmes, ${megabytes(bytes)} of XMLTV in ${seconds.toFixed(2)} s; block ${block.toFixed(1)} ms (${held.toFixed(1)} ms on the clock); memory ${megabytes(before)} + ${megabytes(most - before)}\n`,
  );
}
