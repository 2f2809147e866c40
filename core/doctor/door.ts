// The door to the self-test: one run at a time, for however many ask; what it takes is loaded when somebody does.
import { randomBytes } from "node:crypto";
import type { ListenAddress } from "../config/address.ts";
import { HeadendError } from "../errors.ts";
import type { Doctor } from "../server/headend.ts";
import type { DoctorOptions } from "./index.ts";
import { probeHeader } from "./mark.ts";
import type { DoctorReport } from "./report.ts";

export interface DoctorDoor extends Doctor {
  run(): Promise<DoctorReport>;
  /** Says where the server listens. */
  listening(address: ListenAddress): void;
}

export function createDoctor(options: () => Omit<DoctorOptions, "listen" | "mark">): DoctorDoor {
  let listen: ListenAddress | undefined;
  let mark: string | undefined;
  let running: Promise<DoctorReport> | undefined;

  async function run(): Promise<DoctorReport> {
    if (!listen) throw new HeadendError("not.ready");
    const { runChecks } = await import("./index.ts");
    mark = randomBytes(16).toString("hex");
    return await runChecks({ ...options(), listen, mark });
  }

  return {
    listening(address) {
      listen = address;
    },
    marks: (request) => mark !== undefined && request.headers.get(probeHeader) === mark,
    run() {
      running ??= run().finally(() => {
        running = undefined;
        mark = undefined;
      });
      return running;
    },
  };
}
