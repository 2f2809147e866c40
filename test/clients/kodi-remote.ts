// Speaks with a running Kodi: its JSON-RPC over TCP, and the events that it tells of by itself.
import type net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds for an answer. */
const patience = 40_000;

/** An object of JSON. */
export type Json = { [key: string]: unknown };

/** JSON-RPC over TCP: objects one after another, nothing between them. */
export class Remote {
  readonly events: { readonly at: number; readonly method: string }[] = [];
  readonly #socket: net.Socket;
  readonly #waiting = new Map<number, (answer: Json) => void>();
  #id = 0;
  #text = "";

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    socket.on("error", () => {});
  }

  /** @throws Error what Kodi says against it, or that it says nothing */
  async call(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#id;
    const answer = new Promise<Json>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    const late = new AbortController();
    const said = await Promise.race([
      answer,
      sleep(patience, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    this.#waiting.delete(id);
    if (!said) throw new Error(`${method}: no answer`);
    if (said.error) throw new Error(`${method}: ${JSON.stringify(said.error)}`);
    const { result } = said;
    return typeof result === "object" && result !== null ? (result as Json) : { result };
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = endOfObject(this.#text); end > 0; end = endOfObject(this.#text)) {
      const message = JSON.parse(this.#text.slice(0, end)) as Json;
      this.#text = this.#text.slice(end);
      if (typeof message.id === "number") this.#waiting.get(message.id)?.(message);
      else this.events.push({ at: performance.now(), method: String(message.method) });
    }
  }
}

/** Where the first whole object in a text ends, or 0. */
function endOfObject(text: string): number {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (quoted) {
      if (sign === "\\") at++;
      else if (sign === '"') quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === "{") depth++;
    else if (sign === "}" && --depth === 0) return at + 1;
  }
  return 0;
}
