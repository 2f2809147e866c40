// What the customer has kept in the operator's cloud: programmes that stay when the archive has dropped them.
import { documentHead, documentTail, formatChannel, formatProgramme } from "../../core/formats/xmltv/index.ts";
import { type Appserver, fieldsOf, numberOf, textOf } from "./appserver.ts";
import { makeProgramme } from "./programmes.ts";
import type { ScheduledEvent } from "./schedule.ts";

/** A programme in the cloud. Times in milliseconds since the Unix epoch. */
export interface CloudEvent extends ScheduledEvent {
  /** The channel's own id. */
  readonly channel: number;
}

export interface Cloud {
  /** Asks what there is now. @throws HeadendError `fetch.*`; what was known stays */
  refresh(signal: AbortSignal): Promise<void>;
  /** By channel, in order of time. */
  readonly events: readonly CloudEvent[];
  at(channel: number, time: number): CloudEvent | undefined;
  /** For the next start. */
  save(): string;
}

export interface CloudOptions {
  readonly appserver: Appserver;
  /** As `save()` gave it. */
  readonly kept: string | undefined;
  /** What the guide knows of a programme of a channel that begins at an instant. */
  known(channel: number, start: number): ScheduledEvent | undefined;
}

/** Questions at once. */
const atOnce = 4;
const mostItems = 999;
/** Characters of a title, milliseconds of a programme, and instants between which there is television. */
const longestTitle = 250;
const longest = 24 * 3_600_000;
const times = [Date.UTC(2000, 0), Date.UTC(2100, 0)] as const;

export function createCloud({ appserver, kept, known }: CloudOptions): Cloud {
  let events = readKept(kept);

  async function describe(channel: number, pid: number, start: number, signal: AbortSignal): Promise<CloudEvent[]> {
    const event = known(channel, start);
    if (event) return [{ ...event, pid, channel }];
    const before = events.find((each) => each.channel === channel && each.pid === pid);
    if (before) return [before];
    const query = { extInfoID: pid, channelID: channel, mode: 1 };
    const fields = fieldsOf(await appserver.ask("getRecordingData", query, signal));
    const title = textOf(fields.name)?.slice(0, longestTitle);
    const seconds = numberOf(fields.duration) ?? 0;
    const stop = numberOf(fields.endTime) ?? start + seconds * 1000;
    if (title === undefined || stop <= start || stop - start > longest) return [];
    return [
      {
        ...{ channel, pid, start, stop, title, genre: genreOf(textOf(fields.theme)) },
        age: numberOf(fields.ageRatingID) ?? 0,
        seriesId: numberOf(fields.seriesID) ?? 0,
        series: textOf(fields.seriesName)?.slice(0, longestTitle) ?? "",
        season: numberOf(fields.season) ?? 0,
        episode: numberOf(fields.episode) ?? 0,
        year: 0,
      },
    ];
  }

  return {
    get events() {
      return events;
    },
    at: (channel, time) => events.find((each) => each.channel === channel && each.start <= time && each.stop > time),
    save: () => JSON.stringify(events),
    async refresh(signal) {
      const query = { mode: 0, state: 2, firstItem: 0, numItems: mostItems };
      const list = fieldsOf(await appserver.ask("recordingList", query, signal)).result;
      const found: CloudEvent[] = [];
      const waiting = Array.isArray(list) ? list.slice(0, mostItems).map(fieldsOf) : [];
      const work = async () => {
        for (let item = waiting.shift(); item; item = waiting.shift()) {
          const [channel, pid, start] = [item.serviceUID, item.productID, item.beginTime].map(numberOf);
          if (channel === undefined || pid === undefined || start === undefined) continue;
          if (!Number.isSafeInteger(channel) || !Number.isSafeInteger(pid)) continue;
          if (start < times[0] || start > times[1]) continue;
          found.push(...(await describe(channel, pid, start, signal)));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      events = found.sort((a, b) => a.channel - b.channel || a.start - b.start);
    },
  };
}

/** The guide of the cloud as XMLTV. */
export function formatCloud(events: readonly CloudEvent[], names: ReadonlyMap<number, string>): string {
  const idOf = (channel: number) => `${channel}.movistar.tv`;
  const channels = [...new Set(events.map(({ channel }) => channel))].filter((channel) => names.has(channel));
  return [
    documentHead,
    ...channels.map((channel) =>
      formatChannel({ id: idOf(channel), name: names.get(channel) ?? "", number: "" }, "plain"),
    ),
    ...events
      .filter(({ channel }) => names.has(channel))
      .map((event) => formatProgramme(makeProgramme(idOf(event.channel), event))),
    documentTail,
  ].join("");
}

/** Here the operator names kinds instead of numbering them. */
const themes: readonly (readonly [theme: RegExp, genre: number])[] = [
  [/^cine/i, 0x10],
  [/^series/i, 0x10],
  [/^deportes/i, 0x40],
  [/^infantil/i, 0x50],
  [/^m[úu]sica/i, 0x60],
  [/^programas/i, 0x70],
  [/^documentales/i, 0x80],
];

/** A kind that nobody numbers otherwise has no category. */
const genreless = 0xf0;

function genreOf(theme = ""): number {
  return themes.find(([pattern]) => pattern.test(theme))?.[1] ?? genreless;
}

function readKept(text: string | undefined): CloudEvent[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(value)) return [];
    return value.filter((each) => Number.isInteger(each?.pid) && Number.isInteger(each?.channel) && each?.title);
  } catch {
    return [];
  }
}
