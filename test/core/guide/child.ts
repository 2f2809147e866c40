// A process of its own that merges one source and says so; for tests that kill it.
import process from "node:process";
import { systemClock } from "../../../core/clock.ts";
import { createGuide } from "../../../core/guide/index.ts";
import { log, target, worker } from "./rig.ts";

const [folder = "", path = "", digest = ""] = process.argv.slice(2);
const guide = createGuide({ folder, clock: systemClock, log, worker, settings: { match: "name", repair: [] } });
await guide.restore();
process.stdout.write("ready\n");
await guide.merge([target("a")], [{ name: "s", instance: "m3u", path, digest }], new AbortController().signal);
process.stdout.write("merged\n");
await guide.close();
