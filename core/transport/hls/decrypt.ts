// AES-128 of HLS segments (RFC 8216 §4.3.2.4, §5.2): CBC, undone while the bytes come.
import { createDecipheriv } from "node:crypto";
import { HeadendError } from "../../errors.ts";
import type { Key } from "../../formats/hls.ts";
import { packetLength } from "../../formats/mpegts.ts";

const block = 16;
const syncByte = 0x47;

/**
 * Decrypts a segment. Its padding (PKCS7) is taken off where there is one; some upstreams forget it.
 *
 * @param sequence the media sequence number, from which the vector is made when the key has none
 * @throws HeadendError `dial.content` when the key is none, or the bytes end within a block
 */
export async function* decryptSegment(
  chunks: AsyncIterable<Uint8Array>,
  secret: Uint8Array,
  key: Key,
  sequence: number,
  url: string,
): AsyncGenerator<Uint8Array> {
  if (secret.length !== block)
    throw new HeadendError("dial.content", { url, reason: `its key has ${secret.length} bytes instead of ${block}` });
  const decipher = createDecipheriv("aes-128-cbc", secret, key.iv ?? vectorOf(sequence)).setAutoPadding(false);
  let received = 0;
  let first: number | undefined;
  // The last block may be padding: it is held until another comes.
  let held = new Uint8Array();
  for await (const chunk of chunks) {
    received += chunk.length;
    const plain = decipher.update(chunk);
    if (plain.length === 0) continue;
    first ??= plain[0];
    if (held.length > 0) yield held;
    held = new Uint8Array(plain.subarray(-block));
    if (plain.length > block) yield plain.subarray(0, -block);
  }
  if (received % block !== 0)
    throw new HeadendError("dial.content", { url, reason: "an encrypted segment was cut off" });
  // Whole packets are not padded, whatever their last bytes look like: padding would have made them more.
  const rest = first === syncByte && received % packetLength === 0 ? held : withoutPadding(held);
  if (rest.length > 0) yield rest;
}

/** The number as 16 bytes, the most significant first. */
function vectorOf(sequence: number): Uint8Array {
  const vector = new Uint8Array(block);
  new DataView(vector.buffer).setBigUint64(8, BigInt(sequence));
  return vector;
}

function withoutPadding(last: Uint8Array): Uint8Array {
  const count = last[last.length - 1] ?? 0;
  const padded = count > 0 && count <= last.length && last.subarray(-count).every((octet) => octet === count);
  return padded ? last.subarray(0, -count) : last;
}
