// The composition root: flags, config, plugins, server, and a wait for a signal.
import process from "node:process";
import * as zod from "zod";
import { plugins } from "../plugins/index.ts";
import { providers, slate } from "../providers/index.ts";
import { runCheck, runPlugins, runRefresh } from "./commands.ts";
import { helpText, parseCommand, processEnvironment } from "./config/index.ts";
import * as contract from "./plugin.ts";
import { reasonOf } from "./reason.ts";
import { provideModules } from "./runtime/modules.ts";
import { runServe } from "./serve.ts";
import { version } from "./version.ts";

// In the executable only the entry file knows where its neighbours are.
const worker = new URL("./guide/worker.ts", import.meta.url);

async function main(): Promise<number> {
  const { command, flags, plugin, schema } = parseCommand(process.argv.slice(2));
  provideModules({ "headend/plugin": contract, zod });
  const setting = {
    flags,
    env: processEnvironment(),
    cwd: process.cwd(),
    builtins: [...providers, ...plugins],
    worker,
    slate,
  };
  switch (command) {
    case "help":
      process.stdout.write(helpText);
      return 0;
    case "version":
      process.stdout.write(`headend ${version}\n`);
      return 0;
    case "plugins":
      return runPlugins(setting, plugin, schema);
    case "check":
      return runCheck(setting);
    case "refresh":
      return runRefresh(setting);
    case "doctor":
      return (await import("./doctor/command.ts")).runDoctor(setting);
    case "password":
      return (await import("./password-command.ts")).runPassword();
    case "serve":
      return runServe(setting);
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`headend: ${reasonOf(error)}\n`);
    process.exit(2);
  },
);
