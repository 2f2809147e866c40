// The key by which logins are signed: made once, kept in the data folder for this user's eyes only.
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "./cache.ts";

const bytes = 32;

const pathOf = (data: string) => join(data, "session.key");

/** The key of a data folder; undefined where there is none yet. */
export async function readSessionKey(data: string): Promise<Uint8Array | undefined> {
  const text = await readFile(pathOf(data), "utf8").catch(() => "");
  const key = Buffer.from(text.trim(), "hex");
  return key.length === bytes ? key : undefined;
}

/** The key of a data folder, made where there is none. One that cannot be kept holds until the process ends. */
export async function keepSessionKey(data: string): Promise<Uint8Array> {
  const known = await readSessionKey(data);
  if (known) return known;
  const key = randomBytes(bytes);
  await replaceFile(pathOf(data), `${key.toString("hex")}\n`).catch(() => {});
  return key;
}
