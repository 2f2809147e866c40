// `headend password`: asks for a password and prints its hash, so that the config file need not hold the password.
import { Buffer } from "node:buffer";
import process from "node:process";
import { HeadendError } from "./errors.ts";
import { hashPassword } from "./server/passwords.ts";

/** Bytes. */
const longest = 1024;

/** Reads one line: typed unseen, twice, at a terminal; else the first of standard input. */
export async function runPassword(): Promise<number> {
  const password = process.stdin.isTTY ? await readTwice() : await readLine();
  if (password === "") throw usage("no password was given");
  if (Buffer.byteLength(password) > longest) throw usage(`a password has at most ${longest} bytes`);
  const hash = await hashPassword(password);
  if (process.stdout.isTTY) process.stderr.write("in the config file it stands in quotes: password: '…'\n");
  process.stdout.write(`${hash}\n`);
  return 0;
}

async function readTwice(): Promise<string> {
  const first = await readUnseen("password: ");
  if (first !== "" && (await readUnseen("again: ")) !== first) throw usage("these were two different passwords");
  return first;
}

async function readLine(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk));
    if (chunk.includes("\n") || Buffer.concat(chunks).length > 2 * longest) break;
  }
  return Buffer.concat(chunks).toString("utf8").split(/\r?\n/, 1)[0] ?? "";
}

/** @throws HeadendError `config.usage` when it is given up */
function readUnseen(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = "";
    const end = (settle: () => void) => {
      stdin.off("data", take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      settle();
    };
    const take = (chunk: Buffer | string) => {
      for (const sign of chunk.toString("utf8")) {
        if (sign === "\r" || sign === "\n" || sign === "\u0004") return end(() => resolve(typed));
        if (sign === "\u0003") return end(() => reject(usage("given up")));
        typed = sign === "\u007f" || sign === "\b" ? [...typed].slice(0, -1).join("") : typed + sign;
      }
    };
    stdin.on("data", take);
  });
}

function usage(reason: string): HeadendError {
  return new HeadendError("config.usage", { reason });
}
