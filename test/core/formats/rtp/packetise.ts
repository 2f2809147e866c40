// Cuts coded pictures and sound into RTP packets as cameras do: the counterpart of what is tested.
import { formatRtp, parseRtp, type RtpPacket } from "../../../../core/formats/rtp.ts";

/** NAL units of a byte stream (ITU-T H.264 annex B), without start codes. */
export function splitUnits(bytes: Uint8Array): Uint8Array[] {
  const starts: number[] = [];
  for (let at = 2; at < bytes.length; at++)
    if (bytes[at] === 1 && bytes[at - 1] === 0 && bytes[at - 2] === 0) starts.push(at + 1);
  return starts.map((start, index) => {
    const next = starts[index + 1];
    let end = next === undefined ? bytes.length : next - 3;
    // The fourth byte of the next start code.
    while (next !== undefined && end > start && bytes[end - 1] === 0) end--;
    return bytes.subarray(start, end);
  });
}

export interface Packetising {
  readonly codec: "h264" | "h265";
  /** Bytes of a payload. */
  readonly size?: number;
  /** Small units of one access unit go together. */
  readonly aggregate?: boolean;
  readonly payloadType?: number;
  readonly sequence?: number;
  /** Ticks between two access units. */
  readonly step?: number;
}

/** Access units of NAL units, packet by packet; the last of each is marked. */
export function packetise(units: readonly (readonly Uint8Array[])[], o: Packetising): Uint8Array[] {
  const { codec, size = 1400, aggregate = false, payloadType = 96, step = 3600 } = o;
  const header = codec === "h264" ? 1 : 2;
  let sequence = o.sequence ?? 0;
  return units.flatMap((access, index) => {
    const payloads: Uint8Array[] = [];
    let gathered: Uint8Array[] = [];
    const flush = () => {
      if (gathered.length === 1) payloads.push(...gathered);
      else if (gathered.length > 1) payloads.push(aggregateOf(gathered, codec));
      gathered = [];
    };
    for (const unit of access) {
      const together = gathered.reduce((sum, each) => sum + each.length + 2, header);
      if (aggregate && together + unit.length + 2 <= size) gathered.push(unit);
      else {
        flush();
        if (unit.length <= size && aggregate) gathered = [unit];
        else if (unit.length <= size) payloads.push(unit);
        else payloads.push(...fragmentsOf(unit, codec, size));
      }
    }
    flush();
    return payloads.map((payload, place) =>
      formatRtp({
        ...{ payloadType, payload, ssrc: 7, csrcs: [], padding: 0, timestamp: (index * step) >>> 0 },
        sequence: sequence++ & 0xffff,
        marker: place === payloads.length - 1,
      }),
    );
  });
}

export const parsed = (bytes: Uint8Array): RtpPacket => {
  const packet = parseRtp(bytes);
  if (!packet) throw new Error("this is no packet");
  return packet;
};

function aggregateOf(units: readonly Uint8Array[], codec: "h264" | "h265"): Uint8Array {
  const head = codec === "h264" ? [0x78] : [48 << 1, 1];
  return Uint8Array.from([...head, ...units.flatMap((unit) => [unit.length >> 8, unit.length & 0xff, ...unit])]);
}

function fragmentsOf(unit: Uint8Array, codec: "h264" | "h265", size: number): Uint8Array[] {
  const [first = 0, second = 0] = unit;
  const header = codec === "h264" ? 1 : 2;
  const pieces: Uint8Array[] = [];
  const room = size - header - 1;
  for (let at = header; at < unit.length; at += room) {
    const end = Math.min(at + room, unit.length);
    const flags = (at === header ? 0x80 : 0) | (end === unit.length ? 0x40 : 0);
    const head =
      codec === "h264"
        ? [(first & 0xe0) | 28, flags | (first & 0x1f)]
        : [(first & 0x81) | (49 << 1), second, flags | ((first >> 1) & 0x3f)];
    pieces.push(Uint8Array.from([...head, ...unit.subarray(at, end)]));
  }
  return pieces;
}
