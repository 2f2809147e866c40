// Figures for Prometheus: the two series of movistar-u7d, by which its dashboards work, and ours.
import type { Metric, StreamStatus } from "../../core/plugin.ts";

/** What is counted while it happens. */
export interface Counts {
  readonly carousel: { datagrams: number; foreign: number; broken: number };
  readonly archive: {
    /** Set up now. */
    sessions: number;
    /** Refused, broken or silent. */
    errors: number;
    /** Undefined: nobody has asked for a past yet. */
    isUp: boolean | undefined;
  };
}

export interface FigureOptions {
  readonly counts: Counts;
  /** The instance's streams. */
  readonly streams: readonly StreamStatus[];
  /** What is on in a stream; `at`: its instant, in milliseconds since the Unix epoch. */
  programme(channel: string, at: number): { title: string; start: number; stop: number } | undefined;
  readonly now: number;
  readonly channels: number;
  readonly encrypted: number;
  readonly guide: { readonly receivedAt: number | undefined; readonly programmes: number; readonly gaps: number };
  /** Bits a second: what comes by the operator's interface, where that can be told apart; and the limit. */
  readonly line: { readonly bits: number | undefined; readonly limit: number | undefined };
}

export function createCounts(): Counts {
  return {
    carousel: { datagrams: 0, foreign: 0, broken: 0 },
    archive: { sessions: 0, errors: 0, isUp: undefined },
  };
}

const original = "sanic_request_latency_sec";

/** One sample each for every viewer who has had a first byte; gone when they leave, as movistar-u7d has it. */
function* requestLatencies(o: FigureOptions): Generator<Metric> {
  for (const stream of o.streams) {
    const method = stream.at === undefined ? "live" : "catchup";
    const programme = o.programme(stream.channel, stream.at ?? o.now);
    const seconds = (ms: number) => Math.round(ms / 1000);
    const place =
      stream.at !== undefined && programme
        ? ` _ [${seconds(stream.at - programme.start)}/${seconds(programme.stop - programme.start)}]`
        : "";
    for (const { id, name, firstByte } of stream.viewers) {
      if (firstByte === undefined) continue;
      const endpoint = `${stream.name} _ ${name} _ ${programme?.title ?? ""}${place}`;
      // The third label names the session: that is how the dashboards tell viewers apart.
      const labels = { method, endpoint, http_status: id };
      const help = "Seconds from a viewer's wish to its first byte, while it watches";
      yield { name: `${original}_sum`, help, type: "counter", value: firstByte / 1000, labels };
      yield { name: `${original}_count`, help, type: "counter", value: 1, labels };
    }
  }
}

export function* measure(o: FigureOptions): Generator<Metric> {
  yield* requestLatencies(o);
  const gauge = (name: string, help: string, value: number, labels?: Metric["labels"]): Metric => ({
    ...{ name: `movistar_${name}`, help, type: "gauge", value },
    ...(labels ? { labels } : {}),
  });
  const counter = (name: string, help: string, value: number): Metric => ({
    ...{ name: `movistar_${name}_total`, help, type: "counter", value },
  });
  const { carousel, archive } = o.counts;
  for (const [kind, isLive] of [
    ["live", true],
    ["catchup", false],
  ] as const) {
    const streams = o.streams.filter(({ at }) => (at === undefined) === isLive);
    const bits = streams.reduce((sum, { bitrate }) => sum + bitrate, 0);
    yield gauge("streams", "Streams that are open", streams.length, { kind });
    yield gauge("received_bits_per_second", "What its streams bring, over the last seconds", bits, { kind });
  }
  yield gauge("archive_sessions", "RTSP sessions that are set up", archive.sessions);
  yield counter("archive_errors", "RTSP sessions that were refused, broke or stayed silent", archive.errors);
  if (archive.isUp !== undefined)
    yield gauge("archive_up", "1: the catch-up service answered the last wish", Number(archive.isUp));
  yield gauge("channels", "Channels that are listed", o.channels);
  yield gauge("channels_encrypted", "Channels that were seen to be encrypted", o.encrypted);
  const { receivedAt, programmes, gaps } = o.guide;
  if (receivedAt !== undefined)
    yield gauge("guide_age_seconds", "Since the guide was last received", (o.now - receivedAt) / 1000);
  yield gauge("guide_programmes", "Programmes that are known", programmes);
  yield gauge("guide_gaps", "Stretches of time until soon for which no programme is known", gaps);
  yield counter("carousel_datagrams", "Datagrams of discovery and guide", carousel.datagrams);
  yield counter("carousel_foreign", "Of these, such as are no DVBSTP", carousel.foreign);
  yield counter("carousel_broken", "Segments that came whole and did not match their CRC", carousel.broken);
  if (o.line.bits !== undefined)
    yield gauge("line_bits_per_second", "What comes by the operator's interface, whoever asked for it", o.line.bits);
  if (o.line.limit !== undefined)
    yield gauge("line_limit_bits_per_second", "What its streams may take together", o.line.limit);
}
