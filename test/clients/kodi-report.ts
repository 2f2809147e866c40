// Has a real Kodi list and play, in a process of its own (kodi-player.ts), and reads what it tells.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import type { Report } from "./kodi-player.ts";

/** @param words the arguments of kodi-player.ts. @throws SyntaxError when it told nothing: its stderr says why */
export async function playInKodi(words: readonly string[]): Promise<Report> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kodi-player.ts"), ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child, "close");
  return JSON.parse(said) as Report;
}
