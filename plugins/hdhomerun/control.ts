// Answers HDHomeRun's questions about variables, on TCP port 65001: what the device is, and what its tuners show.
import {
  formatGetSetReply,
  type GetSetReply,
  type GetSetRequest,
  parseGetSetRequest,
  readPacket,
} from "../../core/formats/hdhomerun.ts";
import { type Answerer, type AnswererOptions, openAnswerer } from "../../core/transport/tcp.ts";
import type { AnnouncedDevice } from "./announced.ts";

export type ControlOptions = Omit<AnswererOptions, "onBytes"> & { readonly device: () => AnnouncedDevice };

export function answerControl({ device, ...options }: ControlOptions): Promise<Answerer> {
  return openAnswerer({
    ...options,
    onBytes(bytes) {
      const read = readPacket(bytes);
      if (!read) return { used: 0 };
      const request = parseGetSetRequest(read.packet);
      if (!request) throw new RangeError(`a packet of type ${read.packet.type} is no question`);
      return { used: read.length, answer: formatGetSetReply(answerVariable(request, device())) };
    },
  });
}

/** What `hdhomerun_config <id> get help` shows. */
const help = [
  "Supported configuration options:",
  "/sys/features",
  "/sys/hwmodel",
  "/sys/model",
  "/sys/version",
  "/tuner<n>/channel",
  "/tuner<n>/lockkey",
  "/tuner<n>/status",
  "/tuner<n>/streaminfo",
  "/tuner<n>/target",
  "/tuner<n>/vchannel",
  "",
].join("\n");

/** Nothing can be set: tuners are tuned over HTTP, and free themselves. */
export function answerVariable({ name, value }: GetSetRequest, device: AnnouncedDevice): GetSetReply {
  const known = read(name, device);
  if (known === undefined) return { error: "ERROR: unknown getset variable" };
  if (value !== undefined) return { error: "ERROR: read only: this device is tuned over HTTP" };
  return { name, value: known };
}

function read(name: string, device: AnnouncedDevice): string | undefined {
  const [, digits, variable] = /^\/tuner(\d{1,3})\/([a-z]+)$/.exec(name) ?? [];
  if (variable !== undefined) {
    const tuner = Number(digits);
    return tuner < device.tuners ? readTuner(variable, device.status(tuner)) : undefined;
  }
  switch (name) {
    case "help":
      return help;
    case "/sys/model":
      return device.firmware ?? device.model;
    case "/sys/hwmodel":
      return device.model;
    case "/sys/version":
      return device.version;
    case "/sys/features":
      // Clients look for lines that begin so; there is nothing to scan or to demodulate.
      return "channelmap: none\nmodulation: none\nauto-modulation: none\n";
    default:
      return undefined;
  }
}

function readTuner(variable: string, { channel, program }: ReturnType<AnnouncedDevice["status"]>): string | undefined {
  switch (variable) {
    case "status":
      return channel === undefined
        ? "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"
        : `ch=${word(channel)} lock=http ss=100 snq=100 seq=100 bps=0 pps=0`;
    case "channel":
    case "vchannel":
      return channel ?? "none";
    case "streaminfo":
      return channel === undefined ? "none\n" : `1: ${channel}${program === undefined ? "" : ` ${program}`}\n`;
    case "lockkey":
    case "target":
      return "none";
    default:
      return undefined;
  }
}

/** The parts of a status are told apart by spaces. */
function word(text: string): string {
  return text.replace(/\s+/g, "_");
}
