// Cameras as the admin page shows them: what each is doing, for whom, and what it sends.
import type { LineupChannel, StreamStatus } from "../../core/plugin.ts";
import { keysOf, type Written } from "./admin-form.ts";
import { showLink } from "./admin-link.ts";
import type { Fault, Looks } from "./admin-looks.ts";
import type { Camera } from "./camera.ts";
import type { Facts } from "./facts.ts";

/** A camera as the API tells of it. */
export interface CameraReport extends Facts {
  readonly nickname: string;
  readonly name: string;
  readonly group: string;
  readonly channel: string;
  readonly state: "idle" | StreamStatus["state"];
  /** Since when it is open, ISO 8601. */
  readonly since?: string;
  readonly viewers: readonly { readonly name: string; readonly since: string }[];
  /** How many watch: players of HLS are several behind one viewer. */
  readonly watching: number;
  /** Bits a second. */
  readonly bitrate?: number;
  readonly how?: string;
  /** The last thing that went wrong; `now`: it has not gone right since. */
  readonly fault?: Fault & { readonly now: boolean };
  readonly always: boolean;
  readonly playlist: string;
  readonly snapshot: string;
  readonly watch: string;
  /** As written in the config file, passwords struck out; for admins. */
  readonly written?: Written;
}

export interface ReportOptions {
  readonly camera: Camera;
  readonly channel: LineupChannel | undefined;
  readonly stream: StreamStatus | undefined;
  readonly looks: Looks;
  /** The address of this headend, and that of the instance. */
  readonly base: string;
  readonly own: string;
  /** As it stands in the config file; absent: not for whom it is made. */
  readonly written?: unknown;
}

export function describeCamera(o: ReportOptions): CameraReport {
  const { camera, channel, stream, looks } = o;
  const { nickname } = camera;
  if (stream?.error) looks.noteError(nickname, stream.error);
  const facts = channel && looks.facts(channel, stream);
  const fault = looks.fault(nickname);
  const failing = stream ? stream.error !== undefined || stream.state === "failing" : looks.isFailing(nickname);
  const viewers = (stream?.viewers ?? []).filter(({ name }) => !/\(snapshot\)$|^a look at /.test(name));
  const idle = looks.isFailing(nickname) ? "failing" : "idle";
  return {
    nickname,
    name: camera.channel.name,
    group: camera.channel.groups?.[0] ?? "",
    channel: channel?.id ?? "",
    state: stream?.state ?? idle,
    viewers: viewers.map(({ name, since }) => ({ name, since: iso(since) })),
    watching: viewers.reduce((sum, { name }) => sum + playersOf(name), 0),
    ...(stream ? { since: iso(stream.since), how: stream.how } : {}),
    ...(stream && stream.bitrate > 0 ? { bitrate: stream.bitrate } : {}),
    ...facts,
    ...(fault ? { fault: { ...fault, now: failing } } : {}),
    always: camera.always,
    playlist: `${o.base}/live/${encodeURIComponent(channel?.id ?? "")}.m3u8`,
    snapshot: `${o.own}/snapshot/${nickname}.jpg`,
    watch: `${o.own}/watch/${nickname}`,
    ...(o.written === undefined ? {} : { written: shown(keysOf(o.written)) }),
  };
}

function shown(written: Written): Written {
  return typeof written.url === "string" ? { ...written, url: showLink(written.url) } : written;
}

/** A viewer may say that it stands for several: `3 players of HLS`. */
function playersOf(name: string): number {
  return Number(/^(\d+) players\b/.exec(name)?.[1] ?? 1);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
