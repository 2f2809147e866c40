// The command that stays: listens first, then starts the instances, follows the config file, ends on a signal.
import process from "node:process";
import { assemble, readWanted, type Setting, wantedOf } from "./assembly.ts";
import { systemClock } from "./clock.ts";
import { diffConfig, formatProblem, watchConfig } from "./config/index.ts";
import { reasonOf } from "./errors.ts";
import { serve } from "./runtime/serve.ts";
import type { Wanted } from "./supervisor.ts";

/** Serves until SIGINT or SIGTERM. @throws HeadendError when it cannot start. */
export async function runServe(setting: Setting): Promise<number> {
  const stopping = new AbortController();
  let reload = () => {};
  const first = await readWanted(setting);
  let wanted = wantedOf(first);
  const { log, server, supervisor, close } = await assemble(setting, first, { schedule: true });
  for (const problem of first.problems) log.error(formatProblem(problem));
  // A stray rejection of one plugin must not end the others.
  process.on("unhandledRejection", (error) => log.error(`unhandled rejection: ${reasonOf(error)}`, { error }));
  process.on("uncaughtException", (error) => log.error(`uncaught exception: ${reasonOf(error)}`, { error }));

  const { host, port } = wanted.settings.listen;
  const listener = await serve({ host, port, fetch: server.fetch });
  log.info(`listening on http://${listener.host.includes(":") ? `[${listener.host}]` : listener.host}:${listener.port}`, {
    config: first.file ?? "none",
    data: wanted.settings.data,
  });

  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        log.info(`${signal}: stopping`);
        stopping.abort();
        resolve();
      });
    }
  });
  // One change of the config at a time, the first start included.
  let queue = supervisor.apply(wanted).catch((error) => log.error(reasonOf(error)));
  reload = () => {
    queue = queue.then(async () => {
      const next = await follow(wanted);
      if (next) wanted = next;
    });
  };

  async function follow(before: Wanted): Promise<Wanted | undefined> {
    const config = await readWanted(setting);
    if (!config.settings || config.problems.length > 0) {
      for (const problem of config.problems) log.error(formatProblem(problem));
      log.error("the changed config is refused; the one before stays in force");
      return undefined;
    }
    const next = wantedOf(config);
    const { start, stop, restart, settings, later } = diffConfig(before, next);
    for (const key of later) log.warn(`${key} changed: counts after the headend is started again`);
    log.configure(next.settings.log);
    server.configure(next.settings);
    await supervisor.apply(next);
    log.info("config read again", {
      started: start.map((instance) => instance.name).join(",") || "-",
      restarted: restart.map((instance) => instance.name).join(",") || "-",
      stopped: stop.join(",") || "-",
      settings: settings.join(",") || "-",
    });
    return next;
  }

  process.on("SIGHUP", () => reload());
  if (first.file) await watchConfig(first.file, () => reload(), { clock: systemClock, signal: stopping.signal });
  await ended;
  await Promise.all([listener.stop(), queue.then(close)]);
  log.info("stopped");
  return 0;
}
