// An upstream web server whose documents a test changes, breaks and counts.
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What an address answers: a document with entity tag, or whatever the function does with the response. */
export type Answer = string | Uint8Array | ((response: ServerResponse) => void);

export interface Upstream {
  /** `http://127.0.0.1:<port>` */
  readonly base: string;
  /** Answers by path, or by the folder it is in, with a slash at its end; change them at will. */
  readonly answers: Map<string, Answer>;
  /** Every request as `<status> <path>`, in order; 0 for those that a function answers. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function openUpstream(answers: Record<string, Answer> = {}): Promise<Upstream> {
  const table = new Map(Object.entries(answers));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    const answer = table.get(path) ?? table.get(path.replace(/[^/]*$/, ""));
    const say = (status: number, body?: string | Uint8Array, headers: Record<string, string> = {}) => {
      requests.push(`${status} ${path}`);
      response.writeHead(status, headers).end(body);
    };
    if (answer === undefined) return say(404, "nothing");
    if (typeof answer === "function") {
      requests.push(`0 ${path}`);
      return answer(response);
    }
    const etag = `"${createHash("sha1").update(answer).digest("hex")}"`;
    if (request.headers["if-none-match"] === etag) return say(304, undefined, { etag });
    say(200, answer, { etag });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    answers: table,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
