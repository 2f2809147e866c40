// What the self-test found, in order of the clients whom it matters to: as an object, and as text for people.
import type { Check, Client } from "../plugin.ts";

export const clients = [
  "Plex",
  "Jellyfin",
  "Emby",
  "Kodi pvr.hdhomerun",
  "Kodi pvr.iptvsimple",
  "Channels",
  "TiviMate",
] as const satisfies readonly Client[];

/** A check, and the instance that made it; core's own have none. */
export interface ReportedCheck extends Check {
  readonly instance?: string;
}

/** What a client can count on: all, not all, or nothing here is made for it. */
export interface ClientVerdict {
  readonly client: Client;
  readonly verdict: "works" | "fails" | "not served";
}

export interface DoctorReport {
  /** False when any check failed. */
  readonly ok: boolean;
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  readonly clients: readonly ClientVerdict[];
  readonly checks: readonly ReportedCheck[];
}

/** True for a check that matters to a client. */
function concerns({ clients }: Check, client: Client): boolean {
  return clients === undefined || clients.includes(client);
}

/** A client is served when something was tried for it in particular. */
export function judgeClients(checks: readonly ReportedCheck[]): ClientVerdict[] {
  return clients.map((client) => {
    const mine = checks.filter((check) => concerns(check, client));
    const failed = mine.some(({ ok }) => ok === false);
    if (!mine.some((check) => check.clients !== undefined)) return { client, verdict: "not served" };
    return { client, verdict: failed ? "fails" : "works" };
  });
}

/** Text for a terminal: what is so for everybody, then client by client what works, what to know, and what to mend. */
export function formatDoctor({ version, seconds, checks, clients, ok }: DoctorReport): string {
  const general = checks.filter((check) => check.clients === undefined);
  const failed = checks.filter((check) => check.ok === false).length;
  const generalFails = general.some((check) => check.ok === false);
  const lines = [`Headend ${version}: ${checks.length} checks in ${seconds.toFixed(1)} s`, "", "Everybody"];
  lines.push(...formatChecks(general));
  for (const { client, verdict } of clients) {
    const mine = checks.filter((check) => check.clients?.includes(client));
    if (verdict === "not served") {
      lines.push("", client, "  nothing that runs here is made for it; headend plugins lists what could be");
      continue;
    }
    const above = verdict === "fails" && generalFails ? " (see Everybody, too)" : "";
    lines.push("", `${client}: ${verdict}${above}`, ...formatChecks(mine));
  }
  lines.push("", ok ? "All is well." : `${failed} ${failed === 1 ? "check" : "checks"} failed.`);
  return lines.join("\n");
}

function formatChecks(checks: readonly ReportedCheck[]): string[] {
  const works = checks.filter(({ ok }) => ok === true);
  const rest = [...checks.filter(({ ok }) => ok === "note"), ...checks.filter(({ ok }) => ok === false)];
  return [
    ...works.map((check) => `  ok     ${titleOf(check)}: ${check.sentence}`),
    ...rest.flatMap((check) => [
      `  ${check.ok === false ? "FAILS" : "note "}  ${titleOf(check)}: ${check.sentence}`,
      ...(check.fix === undefined ? [] : [`         ${check.ok === false ? "fix" : "to change it"}: ${check.fix}`]),
    ]),
  ];
}

function titleOf({ instance, name }: ReportedCheck): string {
  return instance === undefined ? name : `${instance}, ${name}`;
}
