// Follows the programme of a transport stream (ISO/IEC 13818-1): its tables, its streams, and where a decoder may begin.
import { isKeyframe } from "./access-unit.ts";
import { type ProgrammeMap, parsePatSection, parsePmtSection } from "./mpegts.ts";
import { createSectionReader, type Section, type SectionReader } from "./section.ts";

/** What `read()` says of a packet, as bits. */
export const programmeFlags = {
  /** Of the PID of the program association table. */
  pat: 1,
  /** Of the PID of the programme's map. */
  pmt: 2,
  /** A decoder may begin here: a picture with its parameters, or any sound of a programme without pictures. */
  randomAccess: 4,
  /** Carries the programme's clock reference. */
  pcr: 8,
  video: 16,
  audio: 32,
  /** The programme's make-up became known or another with this packet: its number, its clock, its streams. */
  changed: 64,
} as const;

/** Follows one programme of a stream. */
export interface ProgrammeReader {
  /** Looks at one packet, which begins with its sync byte at `at`: `programmeFlags`, combined. Nothing is allocated. */
  read(bytes: Uint8Array, at: number): number;
  /** Copy of the last packet of the association table, if that fits in one; good until the next `read()`. */
  readonly pat: Uint8Array | undefined;
  /** Copies of the last packets of the programme's map; good until the next `read()`. */
  readonly pmt: readonly Uint8Array[];
  /** What the programme consists of, once that is known; a new object after every change. */
  readonly programme: ProgrammeMap | undefined;
  /** PID of the stream whose random-access points are marked, if it is a video. */
  readonly videoPid: number | undefined;
  /** Whether the programme has pictures. False while it is not known yet. */
  readonly hasVideo: boolean;
}

/** More programmes than this in one stream are not looked at. */
const mostProgrammes = 256;

/** PIDs are 13 bits (§2.4.3.3); the last is that of stuffing, and as a clock's says that there is none (§2.4.4.9). */
const pids = 8192;
const noPid = 0x1fff;

// A PID's roles, beside `programmeFlags.video` and `.audio`, which mean the same in both.
const tableRole = 1;
const keyRole = 4;
const clockRole = 8;
const streamRoles = programmeFlags.video | programmeFlags.audio;

/**
 * Follows the first programme of the association table whose map comes; a later one only once its map came twice.
 * Random-access points are told by the random_access_indicator (§2.4.3.5), else by the first bytes of the picture
 * (`isKeyframe()`). Payloads that are scrambled are not looked into.
 *
 * @example const flags = reader.read(packet, 0); if (flags & programmeFlags.randomAccess) cut();
 */
export function createProgrammeReader(): ProgrammeReader {
  const roles = new Uint8Array(pids);
  const association = createSectionReader();
  /** PIDs of maps, by programme number, in the table's order; and their readers by PID. */
  const candidates = new Map<number, number>();
  const mapReaders = new Map<number, SectionReader>();
  /** Programmes whose map came while one before them was still missing. */
  const waiting = new Set<number>();
  let pat: Uint8Array | undefined;
  let chosen: number | undefined;
  let pmt: readonly Uint8Array[] = [];
  let programme: ProgrammeMap | undefined;
  let videoPid: number | undefined;
  let videoType = 0;
  let announced = false;
  roles[0] = tableRole;

  function assignRoles(): void {
    roles.fill(0);
    if (programme) {
      const video = programme.streams.find(({ kind }) => kind === "video");
      const key = video ?? programme.streams.find(({ kind }) => kind === "audio") ?? programme.streams[0];
      videoPid = video?.pid;
      videoType = video?.type ?? 0;
      for (const { pid, kind } of programme.streams) addRole(pid, kind === "other" ? 0 : programmeFlags[kind]);
      if (key) addRole(key.pid, keyRole);
      addRole(programme.pcrPid, clockRole);
    } else {
      videoPid = undefined;
    }
    announced = false;
    // Nothing else is believed of a PID of tables.
    roles[0] = tableRole;
    const needless = new Set(mapReaders.keys());
    for (const [number, pid] of candidates) {
      if (chosen !== undefined && chosen !== number) continue;
      roles[pid] = tableRole;
      needless.delete(pid);
      if (!mapReaders.has(pid)) mapReaders.set(pid, createSectionReader());
    }
    for (const pid of needless) mapReaders.delete(pid);
    roles[noPid] = 0;
  }

  function addRole(pid: number, role: number): void {
    roles[pid] = (roles[pid] ?? 0) | role;
  }

  function readAssociation({ bytes, packets }: Section): number {
    const maps = parsePatSection(bytes);
    if (!maps || !isCurrent(bytes)) return 0;
    pat = packets.length === 1 ? packets[0] : undefined;
    // A table in several sections is one table.
    if (bytes[7] === 0) candidates.clear();
    for (const [number, pid] of maps) if (candidates.size < mostProgrammes) candidates.set(number, pid);
    const gone = chosen !== undefined && !candidates.has(chosen);
    if (gone) {
      chosen = undefined;
      programme = undefined;
      pmt = [];
      waiting.clear();
      mapReaders.clear();
    }
    assignRoles();
    return gone ? programmeFlags.changed : 0;
  }

  function readMap({ bytes, packets }: Section): number {
    const map = parsePmtSection(bytes);
    const number = ((bytes[3] ?? 0) << 8) | (bytes[4] ?? 0);
    const pid = candidates.get(number);
    if (!map || !isCurrent(bytes) || pid === undefined) return 0;
    if (chosen === undefined && candidates.keys().next().value !== number && !waiting.has(number)) {
      waiting.add(number);
      // A reader that has seen nothing yet takes the same map once more.
      mapReaders.set(pid, createSectionReader());
      return 0;
    }
    if (chosen !== undefined && chosen !== number) return 0;
    const same = chosen === number && programme !== undefined && isSame(programme, map);
    chosen = number;
    pmt = packets;
    if (same) return 0;
    programme = map;
    assignRoles();
    return programmeFlags.changed;
  }

  function readTable(bytes: Uint8Array, at: number, pid: number): number {
    let flags: number = pid === 0 ? programmeFlags.pat : chosen === undefined ? 0 : programmeFlags.pmt;
    const reader = pid === 0 ? association : mapReaders.get(pid);
    if (!reader?.read(bytes, at)) return flags;
    for (let section = reader.take(); section; section = reader.take())
      flags |= pid === 0 ? readAssociation(section) : readMap(section);
    return pid !== 0 && chosen !== undefined ? flags | programmeFlags.pmt : flags;
  }

  function isRandomAccess(bytes: Uint8Array, at: number, field: number): boolean {
    const said = (field & 0x40) !== 0;
    if (((bytes[at + 1] ?? 0) & 0x40) === 0) {
      // It says so of the next PES packet to start (§2.4.3.5).
      if (said) announced = true;
      return false;
    }
    if (videoPid === undefined) return true;
    const before = announced;
    announced = false;
    return said || before || isKeyframe(bytes, at, videoType);
  }

  return {
    read(bytes, at) {
      const pid = (((bytes[at + 1] ?? 0) & 0x1f) << 8) | (bytes[at + 2] ?? 0);
      const role = roles[pid] ?? 0;
      if (role === 0) return 0;
      if (role === tableRole) return readTable(bytes, at, pid);
      let flags = role & streamRoles;
      if ((role & (keyRole | clockRole)) === 0) return flags;
      const field = ((bytes[at + 3] ?? 0) & 0x20) !== 0 && (bytes[at + 4] ?? 0) > 0 ? (bytes[at + 5] ?? 0) : 0;
      if ((role & clockRole) !== 0 && (field & 0x10) !== 0 && (bytes[at + 4] ?? 0) >= 7) flags |= programmeFlags.pcr;
      if ((role & keyRole) !== 0 && isRandomAccess(bytes, at, field)) flags |= programmeFlags.randomAccess;
      return flags;
    },
    get pat() {
      return pat;
    },
    get pmt() {
      return pmt;
    },
    get programme() {
      return programme;
    },
    get videoPid() {
      return videoPid;
    },
    get hasVideo() {
      return videoPid !== undefined;
    },
  };
}

/** True of a section that holds now, not from later on (current_next_indicator, §2.4.4.5). */
function isCurrent(section: Uint8Array): boolean {
  return ((section[5] ?? 0) & 1) !== 0;
}

function isSame(a: ProgrammeMap, b: ProgrammeMap): boolean {
  return (
    a.pcrPid === b.pcrPid &&
    a.streams.length === b.streams.length &&
    a.streams.every(({ pid, type }, index) => pid === b.streams[index]?.pid && type === b.streams[index]?.type)
  );
}
