// Answers HDHomeRun's own searches, on UDP port 65001.
import { formatDiscoverReply, isLookedFor, longestPacket, parseDiscoverRequest } from "../../core/formats/hdhomerun.ts";
import { openQuestions, type Questions, type QuestionsOptions } from "../../core/transport/udp/questions.ts";
import { type AnnouncedDevice, baseUrl } from "./announced.ts";

/** Where today's clients search by IPv6; by IPv4 they broadcast. */
const groups = ["ff02::176", "ff05::176"];

export type SearchOptions = Pick<QuestionsOptions, "port" | "interfaces" | "allow" | "clock" | "log"> & {
  readonly device: () => AnnouncedDevice;
  /** Called with the address of who looks for this very device. */
  readonly onSought?: (address: string) => void;
};

/** Clients wait for 200 milliseconds: every answer goes out at once. */
export function answerSearches({ device, onSought, ...options }: SearchOptions): Promise<Questions> {
  return openQuestions({
    ...options,
    groups,
    longest: longestPacket,
    onQuestion({ bytes, from, own, answer }) {
      const request = parseDiscoverRequest(bytes);
      if (!request) return;
      const found = device();
      const id = Number.parseInt(found.id, 16);
      if (found.port === 0 || !isLookedFor(request, id)) return;
      if (request.id !== undefined) onSought?.(from.address);
      const base = baseUrl(found, own);
      answer(formatDiscoverReply({ id, tuners: found.tuners, baseUrl: base, lineupUrl: `${base}/lineup.json` }));
    },
  });
}
