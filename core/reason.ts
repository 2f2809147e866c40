// What went wrong, in a sentence that may reach a log, a page or a table.
import { redact } from "./redact.ts";

/** The sentence of anything thrown, without the secrets that whoever threw it may have put there. */
export function reasonOf(thrown: unknown): string {
  return redact(thrown instanceof Error ? thrown.message || thrown.name : String(thrown));
}
