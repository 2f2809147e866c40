// Cuts a transport stream into segments of fragmented MP4 (RFC 8216 §3.3), at key frames, in parts if these are wanted.
import {
  type AdtsReader,
  createAdtsReader,
  createPictureReader,
  isPictureType,
  type PictureReader,
} from "../../core/formats/mp4.ts";
import { createDemuxer, type Demuxed, type Unit } from "../../core/formats/mpegts/demuxer.ts";
import { type ProgrammeMap, stampWrap, ticksPerSecond } from "../../core/formats/mpegts.ts";
import { createRun, type Piece, type Progress, type Run, type RunOptions } from "./run.ts";
import { faultOf } from "./sound.ts";
import { signedStep } from "./timeline.ts";

export type FragmenterOptions = Pick<RunOptions, "mayCut" | "mostBytes" | "part">;

export interface Fragmenter {
  /** Takes whole packets. */
  write(packets: Uint8Array): Piece[];
  /** What is left at the stream's end. */
  finish(): Piece[];
  /** Why this stream cannot be had as MP4, as the end of a sentence; it then gives nothing more. */
  readonly unfit: string | undefined;
}

/** Ticks that stamps in a row may lie apart, forward and back, and tracks from one another. */
const forward = 10 * ticksPerSecond;
const back = ticksPerSecond;
/** Ticks after a jump within which a further mark of the same is none. */
const fresh = ticksPerSecond;
/** Key pictures without usable parameters after which there will be none. */
const mostBlind = 3;
const aacType = 0x0f;
/** Ticks of a block of sound, by samples a second. */
const blockTicks = (rate: number) => (1024 * ticksPerSecond) / rate;

/** The first of pictures, and the first of sound that can be taken. */
function choose({ streams }: ProgrammeMap) {
  return {
    picture: streams.find(({ kind }) => kind === "video"),
    sound: streams.find(({ type }) => type === aacType),
    sounds: streams.some(({ kind }) => kind === "audio"),
  };
}

export function createFragmenter(o: FragmenterOptions): Fragmenter {
  const demuxer = createDemuxer((programme) => {
    const { picture, sound } = choose(programme);
    return [picture, sound].flatMap((stream) => (stream ? [stream.pid] : []));
  });
  const progress: Progress = { fragments: 0, count: 0, total: 0 };
  let done: Piece[] = [];
  let unfit: string | undefined;
  let video: { readonly pid: number; readonly type: number; readonly reader: PictureReader } | undefined;
  let audio: { readonly pid: number; readonly reader: AdtsReader } | undefined;
  let run: Run | undefined;
  /** The last stamp of what leads: as it came, and without wraps; in ticks. And where the run began. */
  let raw = 0;
  let ticks = 0;
  let from = 0;
  let blind = 0;

  function follow(programme: ProgrammeMap): void {
    const { picture, sound, sounds } = choose(programme);
    if (picture && !isPictureType(picture.type)) unfit = "its pictures are neither H.264 nor H.265";
    else if (sounds && !sound) unfit = "its sound is not AAC in ADTS";
    else if (!picture && !sound) unfit = "it has neither pictures nor sound";
    if (unfit !== undefined) return;
    if (video?.pid !== picture?.pid || video?.type !== picture?.type) {
      interrupt();
      video = picture && { pid: picture.pid, type: picture.type, reader: createPictureReader(picture.type) };
    }
    if (audio?.pid === sound?.pid) return;
    if (!video) interrupt();
    audio = sound && { pid: sound.pid, reader: createAdtsReader() };
  }

  /** What follows does not continue. */
  function interrupt(): void {
    run?.end();
    run = undefined;
    audio?.reader.reset();
  }

  function begin(at: number, shown: number): Run {
    raw = at;
    ticks = at;
    from = at;
    const { mayCut, mostBytes, part } = o;
    run = createRun({
      ...{ entry: video?.reader.entry, sounds: audio !== undefined, from: at, shown, progress, mayCut, mostBytes },
      ...(part === undefined ? {} : { part }),
      give: (piece) => done.push(piece),
    });
    return run;
  }

  /** Moves the clock to the next stamp. False: it jumps. */
  function advance(to: number): boolean {
    const step = signedStep(raw, to, stampWrap);
    if (step > forward || step < -back) return false;
    raw = to;
    ticks += step;
    return true;
  }

  function picture(unit: Unit, { reader, type }: NonNullable<typeof video>): void {
    const before = reader.entry;
    const bytes = reader.read(unit.bytes, unit.key);
    if (unit.key) blind = reader.entry ? 0 : blind + 1;
    if (blind > mostBlind) unfit = `what its ${type === 0x1b ? "H.264" : "H.265"} is coded with cannot be read`;
    const dts = unit.dts ?? (run && (raw + Math.round((run.step * ticksPerSecond) / 1000)) % stampWrap);
    if (!bytes || dts === undefined || unfit !== undefined) return;
    const ahead = unit.pts === undefined ? 0 : signedStep(dts, unit.pts, stampWrap);
    // Other parameters, or other sound, want another header: that is another run.
    const isOther = unit.key && (before !== reader.entry || run?.outgrown === true);
    if (run && (isOther || run.torn || !advance(dts))) interrupt();
    if (!run && (!unit.key || !reader.entry)) return;
    run ??= begin(dts, dts + ahead);
    const next = unit.next === undefined ? 0 : signedStep(dts, unit.next, stampWrap);
    const duration = next > 0 && next <= forward ? next : undefined;
    run.picture({ bytes, at: ticks, offset: ahead, key: unit.key, duration });
  }

  function sound({ bytes, pts }: Unit, reader: AdtsReader): void {
    for (const { header, bytes: frame, block, rate } of reader.read(bytes)) {
      const fault = faultOf(header);
      if (fault !== undefined) unfit = `its sound is ${fault}`;
      if (unfit !== undefined) return;
      const stamp =
        pts === undefined ? undefined : (pts + Math.round(block * blockTicks(rate)) + stampWrap) % stampWrap;
      if (!video) {
        if (run && (run.torn || run.outgrown || (stamp !== undefined && !advance(stamp)))) interrupt();
        if (!run && stamp === undefined) continue;
        run ??= begin(stamp ?? 0, stamp ?? 0);
        run.sound(frame, header, stamp === undefined ? undefined : ticks);
      } else if (run) {
        const apart = stamp === undefined ? 0 : signedStep(raw, stamp, stampWrap);
        // Sound that is far from its pictures is of another time.
        if (Math.abs(apart) <= forward) run.sound(frame, header, stamp === undefined ? undefined : ticks + apart);
      }
    }
  }

  function take(each: Demuxed): void {
    if (unfit !== undefined) return;
    if (each.kind === "programme") follow(each.programme);
    else if (each.kind === "scrambled") unfit = "it is scrambled";
    // After a jump every PID has its mark; those of the others come after the picture's.
    else if (each.kind === "splice") {
      if (each.pid === 0 || ticks - from > fresh) interrupt();
    } else if (each.pid === video?.pid) picture(each, video);
    else if (each.pid === audio?.pid) sound(each, audio.reader);
  }

  const taken = () => {
    const pieces = done;
    done = [];
    return pieces;
  };

  return {
    write(packets) {
      if (unfit !== undefined) return [];
      for (const each of demuxer.write(packets)) take(each);
      return taken();
    },
    finish() {
      for (const each of demuxer.finish()) take(each);
      interrupt();
      return taken();
    },
    get unfit() {
      return unfit;
    },
  };
}
