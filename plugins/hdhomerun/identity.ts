// Who a device is: made once, kept for ever, since clients know their channels by it.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { completeDeviceId, isDeviceId } from "../../core/formats/hdhomerun.ts";
import type { Cache } from "../../core/plugin.ts";

export interface Identity {
  /** Eight hexadecimal digits in capitals, valid by their check digit. */
  readonly id: string;
  /** The UDN without `uuid:`. */
  readonly uuid: string;
  /** What clients show the vendor's cloud, which does not know us: no secret. */
  readonly auth: string;
}

const key = "device.json";
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ids that begin so are no real device's. */
const prefix = "10A";

/** The identity that is kept, made anew where there is none that can be read. An id from the config wins. */
export async function readIdentity(cache: Cache, wished: string | undefined): Promise<Identity> {
  const kept = parse(await cache.read(key));
  const { id = completeDeviceId(`${prefix}${randomBytes(2).toString("hex")}`), uuid = randomUUID() } = kept;
  if (id !== kept.id || uuid !== kept.uuid) await cache.write(key, `${JSON.stringify({ id, uuid })}\n`);
  const auth = createHash("sha256").update(uuid).digest("base64url").slice(0, 24);
  return { id: wished?.toUpperCase() ?? id, uuid, auth };
}

function parse(text: string | undefined): { readonly id?: string; readonly uuid?: string } {
  try {
    const { id, uuid } = JSON.parse(text ?? "{}") as { id?: unknown; uuid?: unknown };
    return {
      ...(typeof id === "string" && isDeviceId(id) ? { id } : {}),
      ...(typeof uuid === "string" && uuidPattern.test(uuid) ? { uuid } : {}),
    };
  } catch {
    return {};
  }
}
