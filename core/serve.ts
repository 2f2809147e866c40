// The command that stays: listens first, then starts the instances, follows the config file, ends on a signal.
import process from "node:process";
import {
  assemble,
  checkInstances,
  createPluginLoader,
  outliveStrays,
  readWanted,
  type Setting,
  wantedOf,
} from "./assembly.ts";
import { systemClock } from "./clock.ts";
import { diffConfig, formatProblem, sortProblems, watchConfig } from "./config/index.ts";
import { reasonOf } from "./reason.ts";
import { serve } from "./runtime/serve.ts";
import type { Wanted } from "./supervisor.ts";

/** Serves until SIGINT or SIGTERM. @throws HeadendError when it cannot start. */
export async function runServe(setting: Setting): Promise<number> {
  const stopping = new AbortController();
  let reload = () => {};
  const first = await readWanted(setting);
  let wanted = wantedOf(first);
  const { log, server, supervisor, doctor, close, refuseConfig } = await assemble(setting, first, { schedule: true });
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
  // One change of the config at a time, the first start included.
  let queue = supervisor.apply(wanted).catch((error) => log.error(reasonOf(error)));
  reload = () => {
    queue = queue
      .then(async () => {
        const next = await follow(wanted);
        if (next) wanted = next;
      })
      .catch((error) => log.error(`the changed config could not be put in force: ${reasonOf(error)}`));
  };

  async function follow(before: Wanted): Promise<Wanted | undefined> {
    const config = await readWanted(setting);
    // Instances that stay as they are stay: a plugin that went missing is no reason to refuse a change elsewhere.
    const old = new Map(before.instances.map(({ name, fingerprint }) => [name, fingerprint]));
    const changed = config.instances.filter(({ name, fingerprint }) => old.get(name) !== fingerprint);
    const loader = createPluginLoader(setting, before.settings.data, config.file);
    const problems = sortProblems([...config.problems, ...(await checkInstances(changed, loader))]);
    if (!config.settings || problems.length > 0) {
      for (const problem of problems) log.error(formatProblem(problem));
      log.error("the changed config is refused; the one before stays in force");
      refuseConfig(problems.map(formatProblem).join("; "));
      return undefined;
    }
    refuseConfig(undefined);
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
  // Not after a change of the config that is under way: a setup that hangs must not hold up the end.
  await Promise.all([listener.stop(), close()]);
  log.info("stopped");
  return 0;
}
