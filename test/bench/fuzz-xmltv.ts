// By hand: bun test/bench/fuzz-xmltv.ts [cases] [first seed]. Half well-formed documents against sax, half damaged ones.
import { Buffer } from "node:buffer";
import process from "node:process";
import { checkAny, checkWellFormed } from "../core/formats/xmltv/agreement.ts";
import { createRandom, cut, damaged, wellFormed } from "../core/formats/xmltv/documents.ts";

const cases = Number(process.argv[2] ?? 1_000_000);
const first = Number(process.argv[3] ?? 1);
let failures = 0;
for (let seed = first; seed < first + cases; seed++) {
  const random = createRandom(seed);
  const document = wellFormed(random);
  const broken = seed % 2 === 0;
  const bytes = broken ? damaged(random, document) : Buffer.from(document);
  try {
    if (broken) checkAny(bytes, cut(random, bytes));
    else checkWellFormed(document, cut(random, bytes));
  } catch (error) {
    failures++;
    process.stderr.write(`seed ${seed}: ${error}\n${JSON.stringify(bytes.toString("latin1"))}\n`);
  }
  if ((seed - first) % 50_000 === 49_999) {
    process.stderr.write(`${seed - first + 1} cases, ${failures} failures, ${process.memoryUsage().rss >> 20} MiB\n`);
  }
}
process.exitCode = failures > 0 ? 1 : 0;
