// The command that stays: listens first, then starts the instances, follows the config file, ends on a signal.
import process from "node:process";
import { type Assembly, assemble, outliveStrays, readWanted, type Setting, wantedOf } from "./assembly.ts";
import { systemClock } from "./clock.ts";
import { formatProblem, watchConfig } from "./config/index.ts";
import { createFollower, type Follower } from "./follower.ts";
import { serve } from "./runtime/serve.ts";

/** Serves until SIGINT or SIGTERM. @throws HeadendError when it cannot start. */
export async function runServe(setting: Setting): Promise<number> {
  const stopping = new AbortController();
  const first = await readWanted(setting);
  const wanted = wantedOf(first);
  const follower: Follower = createFollower({
    setting,
    first,
    assembly: () => assembly,
    made: (file) => void watch(file),
  });
  const assembly: Assembly = await assemble(setting, first, { schedule: true, door: follower });
  const { log, server, doctor, close } = assembly;
  for (const problem of first.problems) log.error(formatProblem(problem));
  outliveStrays(log);

  const { host, port } = wanted.settings.listen;
  const listener = await serve({ host, port, fetch: server.fetch });
  doctor.listening({ host, port: listener.port });
  log.info(
    `listening on http://${listener.host.includes(":") ? `[${listener.host}]` : listener.host}:${listener.port}`,
    {
      config: first.file ?? "none",
      data: wanted.settings.data,
    },
  );

  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        log.info(`${signal}: stopping`);
        stopping.abort();
        resolve();
      });
    }
  });
  const watch = (file: string) =>
    watchConfig(file, () => void follower.reload("noticed"), {
      clock: systemClock,
      signal: stopping.signal,
      written: follower.written,
    });
  follower.start();
  process.on("SIGHUP", () => void follower.reload());
  if (first.file) await watch(first.file);
  await ended;
  // Not after a change of the config that is under way: a setup that hangs must not hold up the end.
  await Promise.all([listener.stop(), close()]);
  log.info("stopped");
  return 0;
}
