// `headend doctor`: asks the headend that runs to test itself, or starts one for the time of the test; prints what came.
import process from "node:process";
import { assemble, outliveStrays, readWanted, type Setting, wantedOf } from "../assembly.ts";
import { systemClock } from "../clock.ts";
import { formatListen, type ListenAddress } from "../config/address.ts";
import { formatProblem, type Settings } from "../config/index.ts";
import { HeadendError } from "../errors.ts";
import { exchange } from "../fetch/exchange.ts";
import { reasonOf } from "../reason.ts";
import { serve } from "../runtime/serve.ts";
import { readSessionKey } from "../session-key.ts";
import { version } from "../version.ts";
import { credentialsFor, sessionsBy } from "./credentials.ts";
import { sentenceOf } from "./probe.ts";
import { type DoctorReport, formatDoctor, judgeClients } from "./report.ts";

/** Milliseconds for the answer: the test itself takes 20 s at most, and joins one under way. */
const answerLimit = 45_000;
/** Milliseconds in which a headend that is started for the test must have asked its providers once. */
const startLimit = 60_000;

/** 0: all is well; 3: something failed; 2: nothing could be tried. */
export async function runDoctor(setting: Setting): Promise<number> {
  const config = await readWanted(setting);
  const { settings } = wantedOf(config);
  for (const problem of config.problems) process.stderr.write(`${formatProblem(problem)}\n`);
  const report = (await askRunning(settings)) ?? (await askStarted(setting, config));
  process.stdout.write(`${formatDoctor(report)}\n`);
  return report.ok && config.problems.length === 0 ? 0 : 3;
}

/** What the headend says that listens where the config has it; undefined when nothing does. @throws HeadendError `doctor.refused` */
async function askRunning(settings: Settings): Promise<DoctorReport | undefined> {
  if (settings.listen.port === 0) return undefined;
  return await ask(settings).catch((error: unknown) => {
    if (error instanceof HeadendError && error.code === "fetch.refused") return undefined;
    throw error;
  });
}

/** @throws HeadendError `fetch.*` when no answer comes */
async function ask(settings: Settings, { host, port }: ListenAddress = settings.listen): Promise<DoctorReport> {
  const { access, data } = settings;
  const near = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const origin = `http://${formatListen({ host: near, port })}`;
  const { prefix, headers } = credentialsFor(access, sessionsBy(await readSessionKey(data), access, systemClock));
  const response = await exchange({
    url: new URL(`${origin}${prefix}/api/doctor`),
    method: "GET",
    headers: new Headers({ accept: "application/json", "user-agent": `Headend doctor/${version}`, ...headers }),
    left: answerLimit,
    allowed: answerLimit,
    idle: answerLimit,
    maxBytes: 2 ** 24,
    clock: systemClock,
    signal: new AbortController().signal,
    onEnd() {},
  });
  if (response.status === 401 || response.status === 403)
    return failed("access", `the headend at ${origin} does not let in the users and tokens of this config`, {
      fix: "name the config that it runs with, by --config",
    });
  const type = response.headers.get("content-type") ?? "";
  if (response.status === 200 && type.startsWith("application/json")) {
    const report = (await response.json().catch(() => undefined)) as Partial<DoctorReport> | null | undefined;
    if (isReport(report)) return report;
  }
  const said = response.status === 200 ? "it was answered by something else" : await sentenceOf(response);
  return failed("reachable", `${origin} is not answered by a headend that can be asked: ${said}`, {
    fix: `stop the program that has port ${port}, or let the headend listen elsewhere (listen)`,
  });
}

/** Another program, or another version of this one, may answer with anything. */
function isReport(value: Partial<DoctorReport> | null | undefined): value is DoctorReport {
  const { checks, clients, seconds, version } = value ?? {};
  return Array.isArray(checks) && Array.isArray(clients) && typeof seconds === "number" && typeof version === "string";
}

/** Runs a headend as `serve` does, until it has tested itself. */
async function askStarted(setting: Setting, config: Awaited<ReturnType<typeof readWanted>>): Promise<DoctorReport> {
  const wanted = wantedOf(config);
  const { host, port } = wanted.settings.listen;
  process.stderr.write("no headend runs there; one is started for the time of the test\n");
  // What it logs is in the report as far as it matters; who wants more says so.
  const quiet = setting.flags.logLevel === undefined ? { writeLog() {} } : {};
  const assembly = await assemble(setting, config, { schedule: true, ...quiet });
  const { log, server, supervisor, doctor, isReady, close } = assembly;
  outliveStrays(log);
  let listener: Awaited<ReturnType<typeof serve>> | undefined;
  try {
    listener = await serve({ host, port, fetch: server.fetch });
    doctor.listening({ host, port: listener.port });
    const stop = new AbortController();
    const started = supervisor.apply(wanted).then(async () => {
      while (!isReady() && !stop.signal.aborted) await systemClock.sleep(100, stop.signal);
    });
    started.catch(() => {});
    const over = ended();
    await Promise.race([started, systemClock.sleep(startLimit, stop.signal).catch(() => {}), over]);
    stop.abort();
    return await Promise.race([ask(wanted.settings, { host, port: listener.port }), over]);
  } catch (error) {
    if (!(error instanceof HeadendError) || error.code !== "server.listen") throw error;
    return failed("reachable", reasonOf(error), {});
  } finally {
    await Promise.all([listener?.stop(), close()]);
  }
}

/** A signal ends the waiting; what is open is closed all the same. */
function ended(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => reject(new HeadendError("doctor.ended", { signal })));
  });
}

/** All that can be said when nothing could be asked. */
function failed(name: string, sentence: string, more: { readonly fix?: string }): DoctorReport {
  const checks = [{ name, ok: false, sentence, ...more }];
  const at = new Date(systemClock.now()).toISOString();
  return { ok: false, version, at, seconds: 0, clients: judgeClients(checks), checks };
}
