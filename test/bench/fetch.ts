// By hand: streams a large document through fetch.document() and prints time, peak memory and the longest hold of the
// event loop. `bun test/bench/fetch.ts [MiB]`, or `deno run -A test/bench/fetch.ts [MiB]`.
import type { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createBench } from "../core/fetch/upstream.ts";

const [size = "1024", role] = process.argv.slice(2);
const total = Number(size) * 2 ** 20;

if (role === "serve") {
  const chunk = new Uint8Array(1 << 18).map((_, index) => (index * 131) % 251);
  const server = createServer((_, response) => {
    let left = total;
    response.writeHead(200, { "content-length": total });
    const more = () => {
      while (left > 0) {
        left -= chunk.length;
        if (!response.write(chunk)) return;
      }
      response.end();
    };
    response.on("drain", more);
    more();
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
} else {
  const flags = "deno" in process.versions ? ["run", "-A"] : [];
  const server = spawn(process.execPath, [...flags, import.meta.filename, size, "serve"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const bench = await createBench();
  try {
    const [port] = (await once(server.stdout, "data")) as [Buffer];
    const before = process.memoryUsage.rss();
    let peak = before;
    let hold = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      const now = performance.now();
      hold = Math.max(hold, now - last - 2);
      last = now;
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 2);
    const start = performance.now();
    const document = await bench.fetch.document(`http://127.0.0.1:${String(port).trim()}/`);
    const seconds = (performance.now() - start) / 1000;
    clearInterval(watch);
    const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
    process.stdout.write(
      `${mib(document.bytes)} MiB in ${seconds.toFixed(2)} s, RSS ${mib(before)} MiB before, ${mib(peak)} MiB at most, longest hold ${hold.toFixed(1)} ms\n`,
    );
  } finally {
    server.kill("SIGKILL");
    await bench.close();
  }
}
