// A place in a JSON document that is still coming: value by value, each as small as it is, none of the rest kept.
import { Buffer } from "node:buffer";

const quote = 0x22;
const backslash = 0x5c;
const isBlank = (byte: number | undefined) => byte === 32 || byte === 10 || byte === 13 || byte === 9;
const isEnd = (byte: number | undefined) => byte === 0x2c || byte === 0x5d || byte === 0x7d || isBlank(byte);

/** Bytes of one value that is read whole; a channel or a programme has a few hundred. */
const largest = 4 << 20;
/** Objects and lists in one another; a programme has three. Far fewer than the stack of any parser bears. */
const deepest = 100;

/** A value; or why it cannot be had although it is JSON. */
export type Item = { readonly value: unknown } | { readonly fault: string };

/** Reads JSON (RFC 8259) from bytes that are cut anywhere. @throws SyntaxError where it is none, or ends too early */
export class JsonCursor {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #passed = 0;
  /** Why the value that was scanned last cannot be read. */
  #fault: string | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Ends the reading early. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** The next byte that is not blank, which stays; undefined at the end. */
  async peek(): Promise<number | undefined> {
    for (;;) {
      while (this.#at < this.#bytes.length && isBlank(this.#bytes[this.#at])) this.#at++;
      if (this.#at < this.#bytes.length) return this.#bytes[this.#at];
      if (!(await this.#more())) return undefined;
    }
  }

  /** Takes the next byte that is not blank when it is this one. */
  async take(character: string): Promise<boolean> {
    if ((await this.peek()) !== character.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  /** Takes what must be there. */
  async expect(character: string): Promise<void> {
    if (!(await this.take(character))) await this.fail(`${character} expected`);
  }

  /** Takes one value, and gives it whole; of one that is too large or too deep only that it is. */
  async item(): Promise<Item> {
    const end = await this.#scan(true);
    const fault = this.#fault;
    const item = fault ? { fault } : { value: this.#parse(this.#bytes.toString("utf8", this.#at, end)) };
    this.#at = end;
    return item;
  }

  /** Takes one value whole, and gives it. @throws SyntaxError also for one that is too large or too deep */
  async value(): Promise<unknown> {
    const item = await this.item();
    if ("fault" in item) throw new SyntaxError(`a value is ${item.fault} (before byte ${this.#passed + this.#at})`);
    return item.value;
  }

  /** Takes one value of any size, and gives nothing. */
  async skip(): Promise<void> {
    this.#at = await this.#scan(false);
  }

  /** Takes the name of a member and its colon. */
  async name(): Promise<string> {
    if ((await this.peek()) !== quote) await this.fail("a name expected");
    const name = await this.value();
    await this.expect(":");
    return String(name);
  }

  /** @throws SyntaxError that says where */
  async fail(reason: string): Promise<never> {
    const at = await this.peek();
    const found = at === undefined ? "it ends in the middle" : reason;
    throw new SyntaxError(`not JSON: ${found} (byte ${this.#passed + this.#at})`);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      // What a parser says of it may quote it, and it may be a secret.
      throw new SyntaxError(`not JSON: this is no value (byte ${this.#passed + this.#at})`);
    }
  }

  /** Where the value that begins here ends; it is kept until then when it is wanted, and can be had. */
  async #scan(wanted: boolean): Promise<number> {
    let keep = wanted;
    this.#fault = undefined;
    const first = await this.peek();
    if (first === undefined) await this.fail("");
    const nested = first === 0x7b || first === 0x5b;
    const scalar = !nested && first !== quote;
    let depth = 0;
    let inText = false;
    let escaped = false;
    for (let at = this.#at; ; ) {
      const bytes = this.#bytes;
      const { length } = bytes;
      for (; at < length; at++) {
        const byte = bytes[at] as number;
        if (escaped) escaped = false;
        else if (inText) {
          if (byte === backslash) escaped = true;
          else if (byte === quote) {
            inText = false;
            if (depth === 0) return at + 1;
          }
        } else if (scalar) {
          if (isEnd(byte)) return at;
        } else if (byte === quote) inText = true;
        else if (byte === 0x7b || byte === 0x5b) {
          if (++depth > deepest) this.#fault = `more than ${deepest} deep`;
        } else if ((byte === 0x7d || byte === 0x5d) && --depth === 0) return at + 1;
      }
      if (length - this.#at > largest) this.#fault = `larger than ${largest >> 20} MiB`;
      if (this.#fault) keep = false;
      if (!keep) this.#at = length;
      const seen = at - this.#at;
      if (!(await this.#more())) {
        if (scalar) return this.#bytes.length;
        this.#at = this.#bytes.length;
        await this.fail("");
      }
      at = this.#at + seen;
    }
  }

  /** Puts the next bytes behind those not taken yet. */
  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    const rest = this.#bytes.subarray(this.#at);
    this.#passed += this.#at;
    this.#at = 0;
    this.#bytes = rest.length === 0 ? asBuffer(value) : Buffer.concat([rest, value]);
    return true;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
