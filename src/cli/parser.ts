// The command line's grammar, as yargs has it: the commands with what each takes, and the options
// that all of them know.

import { readFileSync } from "node:fs";
import yargs, { type Argv } from "yargs";
import { httpSocketPath } from "../config/http-socket.ts";
import type { Typed } from "./arguments.ts";
import { checkCommandWords } from "./command-words.ts";
import type { Command } from "./command.ts";
import { amnesiaEndCommand } from "./commands/amnesia-end.ts";
import { backupCommand } from "./commands/backup.ts";
import { claimsAddCommand } from "./commands/claims-add.ts";
import { claimsContinueCommand } from "./commands/claims-continue.ts";
import { claimsListCommand } from "./commands/claims-list.ts";
import { claimsShowCommand } from "./commands/claims-show.ts";
import { eventsCommand } from "./commands/events.ts";
import { explainCommand } from "./commands/explain.ts";
import { historyCommand } from "./commands/history.ts";
import { nodesDepartCommand } from "./commands/nodes-depart.ts";
import { nodesListCommand } from "./commands/nodes-list.ts";
import { reportCommand } from "./commands/report.ts";
import { restoreCommand } from "./commands/restore.ts";
import { statusCommand } from "./commands/status.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const commands: readonly Command[] = [
  statusCommand,
  reportCommand,
  claimsListCommand,
  claimsShowCommand,
  claimsAddCommand,
  claimsContinueCommand,
  nodesListCommand,
  nodesDepartCommand,
  historyCommand,
  eventsCommand,
  explainCommand,
  amnesiaEndCommand,
  backupCommand,
  restoreCommand,
];

/** What a group of commands is for. */
const groups: Readonly<Record<string, string>> = {
  claims: "List, show, add and continue claims",
  nodes: "List management nodes, or say that one is gone",
  amnesia: "End amnesia",
};

type Run = (command: Command, typed: Typed) => Promise<void>;

/** @param run is called with the command that was found */
export function buildParser(terminal: Terminal, run: Run): Argv {
  // What the parser has found by the time that it fails.
  let current: Command | undefined;
  const parser = yargs()
    .scriptName("vmsyncctl")
    // Half a sentence in the language of the environment would follow half a one in English.
    .detectLocale(false)
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage("$0 COMMAND\n\nInspects the vmsyncd of this host, and acts for its operator.")
    .option("json", { type: "boolean", default: false, describe: "Print the answer as JSON" })
    .option("socket", { type: "string", requiresArg: true, describe: "Unix socket of vmsyncd" })
    .option("url", {
      type: "string",
      requiresArg: true,
      describe: "http://127.0.0.1:PORT of vmsyncd",
    })
    .option("folder", { type: "string", requiresArg: true, describe: "Folder of its store" })
    .conflicts("socket", "url")
    .example("$0 report", "what a management node would be told now")
    .epilogue(epilogue())
    .strict()
    .demandCommand(1, "cannot run vmsyncctl: name a command; --help lists them")
    .exitProcess(false)
    .showHelpOnFail(false)
    .version(`vmsyncctl ${version()}`)
    .wrap(Math.min(terminal.columns ?? 80, 100))
    .fail((message, error) => {
      throw error ?? new UsageError(missingText(message, current));
    });
  const found = (command: Command): void => {
    current = command;
  };
  for (const [first, group] of Map.groupBy(commands, ({ words }) => words[0])) {
    addCommands(parser, first, group, { run, found });
  }
  return parser;
}

/**
 * Refuses a command line that names no command.
 *
 * @throws UsageError
 */
export function checkCommand(argv: readonly string[]): void {
  const options = commands.flatMap((command) => Object.entries(command.options ?? {}));
  const valued = options.flatMap(([name, { isFlag }]) => (isFlag ? [] : [name]));
  checkCommandWords(argv, commands, ["socket", "url", "folder", ...valued]);
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** The parser says how many arguments are there, and not which is missing. */
function missingText(message: string, command: Command | undefined): string {
  const there = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1];
  if (there === undefined || command === undefined) return message;
  const name = Object.keys(command.positionals ?? {})[Number(there)] ?? "an argument";
  return `cannot run ${command.words.join(" ")}: <${name}> is missing; see --help`;
}

function epilogue(): string {
  return [
    "Without --socket and --url: VMSYNCD_HTTP_SOCKET, else",
    `${httpSocketPath({})}. Without --folder: store.folder of`,
    "the configuration; claims list, claims show, nodes list and history read the",
    "store there while vmsyncd does not run.",
    "Exit codes: 0 answered, 1 failed, 2 wrong usage, 69 not reachable,",
    "77 not permitted, 78 bad configuration.",
  ].join("\n");
}

interface Handlers {
  readonly run: Run;
  /** Is called when a command is found, before its arguments are judged. */
  readonly found: (command: Command) => void;
}

function addCommands(
  parser: Argv,
  first: string,
  group: readonly Command[],
  handlers: Handlers,
): void {
  const [only] = group;
  if (only !== undefined && only.words.length === 1) {
    addCommand(parser, first, only, handlers);
    return;
  }
  parser.command(first, groups[first] ?? "", (sub) => {
    for (const command of group) {
      addCommand(sub, command.words.slice(1).join(" "), command, handlers);
    }
    return sub.demandCommand(1, `cannot run ${first}: name one of its commands; --help lists them`);
  });
}

function addCommand(parser: Argv, name: string, command: Command, { run, found }: Handlers): void {
  const { positionals = {}, options = {}, describe } = command;
  const places = Object.entries(positionals).map(([place, { optional }]) => {
    return optional ? `[${place}]` : `<${place}>`;
  });
  const build = (builder: Argv): Argv => {
    found(command);
    for (const [place, { describe: what }] of Object.entries(positionals)) {
      builder.positional(place, { type: "string", describe: what });
    }
    for (const [option, { describe: what, isFlag, required }] of Object.entries(options)) {
      builder.option(option, {
        type: isFlag ? "boolean" : "string",
        describe: what,
        ...(isFlag ? {} : { requiresArg: true }),
        ...(required ? { demandOption: true } : {}),
      });
    }
    return builder;
  };
  parser.command([name, ...places].join(" "), describe, build, (typed: object) =>
    run(command, typed as Typed),
  );
}
