// The invented operator: its channels, its packages, and what it shows and has shown.

export interface WorldChannel {
  readonly id: number;
  readonly name: string;
  /** Whose guide it has. */
  readonly replacement?: number;
  readonly packages: Readonly<Record<string, number>>;
  /** How live comes; default `extended`, as on the real network: RTP with sixteen bytes of header extension. */
  readonly live?: "extended" | "rtp" | "raw";
  readonly hd?: boolean;
  readonly encrypted?: boolean;
  /** How it is reached when not by a group. */
  readonly elsewhere?: "nowhere" | "http";
}

/** Times in seconds since the Unix epoch. */
export interface WorldEvent {
  readonly pid: number;
  readonly service: number;
  readonly start: number;
  readonly duration: number;
  readonly title: string;
  readonly genre: number;
  readonly age: number;
  readonly seriesId: number;
  readonly series: string;
  readonly season: number;
  readonly episode: number;
  readonly year: number;
  /** The guide's day whose carousel has it, from 0. */
  readonly day: number;
}

export const channels: readonly WorldChannel[] = [
  { id: 2543, name: "La 1 HD", packages: { UTX50: 1 }, hd: true },
  { id: 1825, name: "Cuatro", packages: { UTX50: 4 }, live: "rtp" },
  { id: 4714, name: "Neox HD", replacement: 1717, packages: { UTX50: 7, UTXIG: 7 }, hd: true, live: "raw" },
  // Of one guide with the one above.
  { id: 4715, name: "Neox", replacement: 1717, packages: { UTXIG: 8 } },
  { id: 3000, name: "Movistar Plus+", packages: { UTXIG: 10 }, hd: true, encrypted: true },
  // Number 0 comes last.
  { id: 4900, name: "Portada", packages: { UTX50: 0 } },
  // Whose replacement nobody knows.
  { id: 4901, name: "Boing ***", replacement: 1, packages: { UTXIG: 12 } },
  { id: 5000, name: "Not paid for", packages: { OTHER: 20 } },
  { id: 5001, name: "Of the web", packages: { UTX50: 21 }, elsewhere: "http" },
  { id: 5002, name: "Nowhere", packages: { UTX50: 22 }, elsewhere: "nowhere" },
];

const titles: readonly (readonly [title: string, seriesId: number, genre: number, age: number])[] = [
  ["Los Simpson T24 Ep. 5 - El t\u00edtulo", 9, 0x81, 2],
  ["Telediario", 0, 0x06, 0],
  ["Cuarto Milenio T17 E3 - X", 4, 0x20, 4],
  ["Alien: el octavo pasajero", 0, 0x15, 11],
  ["Documentos TV: La Luna Ep. 3", 3, 0x80, 1],
  ["&quot;Noche&quot; de Tom &amp; Jerry", 0, 0x30, 3],
];

export interface WorldOptions {
  /** Seconds since the Unix epoch: when the guide's first day begins. */
  readonly from: number;
  readonly days: number;
  /** Seconds of each programme. */
  readonly length: number;
  /** Seconds since the Unix epoch: from here on there are short programmes for a while. */
  readonly short?: { readonly at: number; readonly count: number; readonly seconds: number };
}

/** What every service shows, in order. */
export function makeSchedule(services: readonly number[], o: WorldOptions): WorldEvent[] {
  const day = 86_400;
  const events: WorldEvent[] = [];
  let pid = 51_000_000;
  for (const service of services) {
    const end = o.from + o.days * day;
    for (let start = o.from, index = service % titles.length; start < end; index++) {
      const { short } = o;
      const isShort = short && start >= short.at && start < short.at + short.count * short.seconds;
      const until = short && start < short.at ? short.at : end;
      const duration = isShort ? short.seconds : Math.min(o.length, until - start);
      const [title, seriesId, genre, age] = titles[index % titles.length] ?? ["", 0, 0, 0];
      events.push({
        ...{ pid: pid++, service, start, duration, title, genre, age, seriesId },
        ...{ series: seriesId ? "Serie" : "", season: seriesId ? 2 : 0, episode: seriesId ? 6 : 0, year: 2012 },
        day: Math.floor((start - o.from) / day),
      });
      start += duration;
    }
  }
  return events;
}
