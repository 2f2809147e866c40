// Counts what is missing from a transport stream, with code of its own rather than that which is tested.
import { packetLength, pidOf } from "../../core/formats/mpegts.ts";

/**
 * Packets of a transport stream that do not continue what their PID sent before (ISO/IEC 13818-1 §2.4.3.3), unless
 * the stream itself says so; and places where no packet begins. Bytes must begin with a packet; a cut last one is not counted.
 */
export function countContinuityErrors(bytes: Uint8Array): number {
  const check = createPacketCheck();
  check.push(bytes);
  return check.errors;
}

/** The same for bytes that come piece by piece, cut anywhere. */
export function createPacketCheck() {
  const last = new Map<number, { counter: number; repeated: boolean }>();
  let rest = new Uint8Array(0);
  let errors = 0;
  let fault = "";

  function look(bytes: Uint8Array, at: number): void {
    if (bytes[at] !== 0x47) {
      errors++;
      fault = "no packet";
      return;
    }
    const pid = pidOf(bytes, at);
    if (pid === 0x1fff) return;
    const control = bytes[at + 3] ?? 0;
    const counter = control & 0x0f;
    const payload = (control & 0x10) !== 0;
    const marked = (control & 0x20) !== 0 && (bytes[at + 4] ?? 0) > 0 && ((bytes[at + 5] ?? 0) & 0x80) !== 0;
    const before = last.get(pid);
    if (before === undefined || marked) {
      last.set(pid, { counter, repeated: false });
      return;
    }
    const again = counter === before.counter;
    if (payload ? !(counter === ((before.counter + 1) & 0x0f) || (again && !before.repeated)) : !again) {
      errors++;
      fault = `PID ${pid}: ${counter} after ${before.counter}${payload ? "" : ", without payload"}`;
    }
    last.set(pid, { counter, repeated: payload && again });
  }

  return {
    get errors() {
      return errors;
    },
    /** What the last of them was. */
    get fault() {
      return fault;
    },
    push(more: Uint8Array): void {
      let bytes = more;
      if (rest.length > 0) {
        bytes = new Uint8Array(rest.length + more.length);
        bytes.set(rest);
        bytes.set(more, rest.length);
      }
      let at = 0;
      for (; at + packetLength <= bytes.length; at += packetLength) look(bytes, at);
      rest = new Uint8Array(bytes.subarray(at));
    },
  };
}

/** Without what is not whole at its end: of every PID, what follows the last beginning of a payload unit (§2.4.3.3). */
export function wholeUnits(bytes: Uint8Array): Uint8Array {
  const last = new Map<number, number>();
  const end = bytes.length - (bytes.length % packetLength);
  for (let at = 0; at < end; at += packetLength)
    if (((bytes[at + 1] ?? 0) & 0x40) !== 0) last.set(pidOf(bytes, at), at);
  const kept = new Uint8Array(end);
  let length = 0;
  for (let at = 0; at < end; at += packetLength) {
    const pid = pidOf(bytes, at);
    if (pid > 0x1f && at >= (last.get(pid) ?? end)) continue;
    kept.set(bytes.subarray(at, at + packetLength), length);
    length += packetLength;
  }
  return kept.subarray(0, length);
}
