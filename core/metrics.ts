// Figures for Prometheus: what the hub told while it happened, what is so now, and how the process is.
import type { Histogram, Registry } from "prom-client";
import { type ContributedMetricsOptions, createContributedMetrics } from "./contributed-metrics.ts";
import type { Hub, HubObserver } from "./hub/index.ts";
import type { Lineup } from "./plugin.ts";

export interface MetricsOptions extends Pick<ContributedMetricsOptions, "log"> {
  readonly lineup: Pick<Lineup, "channels">;
  hub(): Hub;
  readonly timeshift: { readonly bytes: number; readonly recording: number };
  /** Tuners of an instance, where they are limited. */
  limits(): Iterable<readonly [instance: string, tuners: number]>;
  /** What instances contribute. */
  readonly contributed: ContributedMetricsOptions["sources"];
}

export interface Metrics {
  readonly observer: HubObserver;
  /** Everything in Prometheus' text format 0.0.4. */
  text(): Promise<string>;
}

/** Counters that the hub moves, with what they count. */
const counted = {
  joined: ["headend_viewers_joined_total", "Viewers that have come"],
  left: ["headend_viewers_left_total", "Viewers that have gone"],
  received: ["headend_received_bytes_total", "Bytes from upstreams"],
  stalled: ["headend_stalls_total", "Upstreams that fell silent"],
  failedOver: ["headend_failovers_total", "Upstreams that were given up for another, or tried again"],
  refused: ["headend_refused_total", "Wishes for which no tuner or bandwidth was free"],
  discontinued: ["headend_continuity_errors_total", "Continuity counters that jumped in what upstreams sent"],
} as const;

/** Seconds; a first picture waits for a key frame. */
const buckets = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

/** Milliseconds between two looks at how late the event loop is: each wakes the process, and its usual 10 cost half a percent of a core. */
const lagPause = 250;

/** Bounds what is remembered until the library is there. */
const mostPending = 10_000;

export function createMetrics(o: MetricsOptions): Metrics {
  const counts: Record<keyof typeof counted, number> = {
    joined: 0,
    left: 0,
    received: 0,
    stalled: 0,
    failedOver: 0,
    refused: 0,
    discontinued: 0,
  };
  const pending = { firstByte: [] as number[], firstPicture: [] as number[] };
  let registry: Promise<() => Promise<string>> | undefined;

  /** Loaded when the first figure is asked for: it takes longer than the rest of a start. */
  async function load(): Promise<Registry> {
    const { Registry, Counter, Gauge, Histogram, collectDefaultMetrics } = await import("prom-client");
    const register = new Registry();
    collectDefaultMetrics({ register, eventLoopMonitoringPrecision: lagPause });
    for (const [key, [name, help]] of Object.entries(counted)) {
      const count = key as keyof typeof counted;
      let shown = 0;
      new Counter({
        name,
        help,
        registers: [register],
        collect() {
          this.inc(counts[count] - shown);
          shown = counts[count];
        },
      });
    }
    const drain = (times: number[], into: Pick<Histogram, "observe">) => {
      for (const ms of times.splice(0)) into.observe(ms / 1000);
    };
    for (const [name, help, times] of [
      ["headend_first_byte_seconds", "From a wish to the first byte of its upstream", pending.firstByte],
      ["headend_first_picture_seconds", "From a wish to the first key frame of its upstream", pending.firstPicture],
    ] as const) {
      new Histogram({
        name,
        help,
        buckets,
        registers: [register],
        collect() {
          drain(times, this);
        },
      });
    }
    const gauge = (name: string, help: string, value: () => number) => {
      new Gauge({
        name,
        help,
        registers: [register],
        collect() {
          this.set(value());
        },
      });
    };
    const streams = () => o.hub().streams();
    const sum = (value: (stream: ReturnType<typeof streams>[number]) => number) => () =>
      streams().reduce((total, stream) => total + value(stream), 0);
    gauge("headend_channels", "Channels of the lineup", () => o.lineup.channels().length);
    gauge("headend_upstreams", "Streams that are open", () => streams().length);
    gauge("headend_viewers", "Viewers that watch, without recordings", () => counts.joined - counts.left);
    gauge(
      "headend_ring_bytes",
      "Bytes kept for viewers that come or lag",
      sum(({ ringBytes }) => ringBytes),
    );
    gauge(
      "headend_backlog_bytes",
      "Bytes that wait for viewers",
      sum(({ viewers }) => viewers.reduce((total, { backlog }) => total + backlog, 0)),
    );
    gauge("headend_timeshift_bytes", "Bytes on disk for timeshift", () => o.timeshift.bytes);
    gauge("headend_timeshift_channels", "Channels that are recorded for timeshift", () => o.timeshift.recording);
    new Gauge({
      name: "headend_tuners_used",
      help: "Upstreams that are open, by instance and account, where they are limited",
      labelNames: ["tuners"],
      registers: [register],
      collect() {
        this.reset();
        for (const [instance] of o.limits()) this.set({ tuners: instance }, 0);
        for (const [key, amount] of o.hub().ledger.all())
          if (key.startsWith("tuners ")) this.set({ tuners: key.slice("tuners ".length) }, amount);
      },
    });
    new Gauge({
      name: "headend_tuners_limit",
      help: "Upstreams that may be open at once, by instance",
      labelNames: ["tuners"],
      registers: [register],
      collect() {
        this.reset();
        for (const [instance, tuners] of o.limits()) this.set({ tuners: instance }, tuners);
      },
    });
    return register;
  }

  const count =
    (key: keyof typeof counted) =>
    (amount = 1) => {
      counts[key] += amount;
    };
  const time = (times: number[]) => (ms: number) => {
    if (times.length < mostPending) times.push(ms);
  };

  return {
    observer: {
      joined: () => count("joined")(),
      left: () => count("left")(),
      received: count("received"),
      firstByte: time(pending.firstByte),
      firstPicture: time(pending.firstPicture),
      stalled: () => count("stalled")(),
      failedOver: () => count("failedOver")(),
      refused: () => count("refused")(),
      discontinued: count("discontinued"),
    },
    async text() {
      registry ??= load().then((own) => {
        // A histogram's series have its name and more.
        const names = (name: string) => [name, name.replace(/_(?:bucket|sum|count)$/, "")];
        const contributed = createContributedMetrics({
          log: o.log,
          sources: o.contributed,
          taken: (name) => names(name).some((one) => own.getSingleMetric(one) !== undefined),
        });
        return async () => `${await own.metrics()}${contributed()}`;
      });
      return await (await registry)();
    },
  };
}
