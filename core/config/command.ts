// The command line: a command and flags, or a usage error that says what was meant.
import { HeadendError } from "../errors.ts";
import { hintNearest } from "./nearest.ts";
import type { LogSettings } from "./settings.ts";

/** What the command line said; what it did not say is absent. */
export interface Flags {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: string;
  readonly logLevel?: LogSettings["level"];
  readonly logFormat?: LogSettings["format"];
}

const commands = ["serve", "refresh", "check", "doctor", "plugins", "password", "help", "version"] as const;

export interface Command {
  readonly command: (typeof commands)[number];
  readonly flags: Flags;
  /** `plugins`: the plugin to describe. */
  readonly plugin?: string;
  /** `plugins --schema`: as JSON Schema. */
  readonly schema: boolean;
}

interface Flag {
  readonly name: string;
  readonly key: keyof Flags;
  readonly value: string;
  readonly choices?: readonly string[];
  readonly help: string;
}

const flagTable: readonly Flag[] = [
  { name: "--config", key: "config", value: "FILE", help: "config file" },
  { name: "--data", key: "data", value: "DIR", help: "folder for everything that is kept" },
  { name: "--listen", key: "listen", value: "HOST:PORT", help: "address to listen on" },
  {
    name: "--log-level",
    key: "logLevel",
    value: "LEVEL",
    choices: ["debug", "info", "warn", "error"],
    help: "debug, info, warn or error",
  },
  { name: "--log-format", key: "logFormat", value: "FORMAT", choices: ["text", "json"], help: "text or json" },
];

const switches = ["--help", "-h", "--version", "-V", "--schema"] as const;

const longNames = [...flagTable.map(({ name }) => name), ...switches.filter((name) => name.startsWith("--"))];

/**
 * Reads the arguments after the program's name.
 *
 * @throws HeadendError `config.usage`
 */
export function parseCommand(argv: readonly string[]): Command {
  const flags: Partial<Record<keyof Flags, string>> = {};
  const words: string[] = [];
  const seen = new Set<string>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (!argument.startsWith("-")) {
      words.push(argument);
      continue;
    }
    const [name, inline] = splitOnce(argument, "=");
    if ((switches as readonly string[]).includes(name)) {
      if (inline !== undefined) throw usage(`${name} takes no value`);
      seen.add(name);
      continue;
    }
    const flag = flagTable.find((known) => known.name === name);
    if (!flag) throw usage(`unknown flag ${name}${hintNearest(name, longNames)}`);
    const value = inline ?? argv[++index];
    if (!value || (inline === undefined && value.startsWith("--")))
      throw usage(`${name} needs a value: ${name} ${flag.value}`);
    if (flag.choices && !flag.choices.includes(value)) {
      throw usage(`${name} is one of ${flag.choices.join(", ")}${hintNearest(value, flag.choices)}`);
    }
    flags[flag.key] = value;
  }
  return finish(words, flags as Flags, seen);
}

function finish(words: readonly string[], flags: Flags, seen: ReadonlySet<string>): Command {
  const [word = "serve", ...rest] = words;
  const command = commands.find((known) => known === word);
  if (!command) throw usage(`unknown command ${word}${hintNearest(word, commands)}`);
  const schema = seen.has("--schema");
  if (seen.has("--help") || seen.has("-h")) return { command: "help", flags, schema };
  if (seen.has("--version") || seen.has("-V")) return { command: "version", flags, schema };
  if (schema && command !== "plugins") throw usage("--schema goes with plugins");
  const [plugin, ...extra] = command === "plugins" ? rest : [undefined, ...rest];
  if (extra.length > 0) throw usage(`${command} takes no ${extra[0]}`);
  return { command, flags, schema, ...(plugin === undefined ? {} : { plugin }) };
}

function usage(reason: string): HeadendError {
  return new HeadendError("config.usage", { reason });
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** What `headend help` prints. */
export const helpText = `headend: playlists and guides in, one lineup out, to every player in the house

  headend [serve]         serve, and refresh again and again
  headend refresh         refresh everything once, print what came;
                          exits with 3 if a source failed
  headend check           read the config and print every problem
  headend doctor          play what each client does: what works, what to mend;
                          exits with 3 if something failed
  headend plugins [NAME]  what can be used, or the keys of one;
                          --schema prints JSON Schema
  headend password        ask for a password, print its hash for access.users
  headend help | version

${flagTable.map(({ name, value, help }) => `  ${`${name} ${value}`.padEnd(22)}  ${help}`).join("\n")}

The config is the file that --config or HEADEND_CONFIG names, else the first
that is there of ./headend.yaml, $XDG_CONFIG_HOME/headend/headend.yaml and
/etc/headend/headend.yaml. The data folder is what --data, HEADEND_DATA_DIR or
the config's data says, else $XDG_DATA_HOME/headend (~/.local/share/headend).
With no config a test card runs.
`;
