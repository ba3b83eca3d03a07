// The program `vmsyncctl`: finds the command, runs it, and turns every failure into one sentence
// and an exit code.

import yargs, { type Argv } from "yargs";
import { type AgentAddress, VmsyncdClient } from "../client/client.ts";
import { AgentUnreachableError, ApiError } from "../client/errors.ts";
import { processEnvironment } from "../config/environment.ts";
import { httpSocketPath } from "../config/http-socket.ts";
import { ConfigError } from "../config/problem.ts";
import type { Command } from "./command.ts";
import { claimsListCommand } from "./commands/claims-list.ts";
import { reportCommand } from "./commands/report.ts";
import { statusCommand } from "./commands/status.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { printable, processTerminal, type Terminal } from "./terminal.ts";

const commands: readonly Command[] = [statusCommand, reportCommand, claimsListCommand];

class UsageError extends Error {}

interface Options {
  readonly json: boolean;
  /** Several where the flag is given more than once. */
  readonly socket: string | string[] | undefined;
  readonly url: string | string[] | undefined;
}

/** Runs one command line; never throws. */
export async function main(
  argv: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<ExitCode> {
  try {
    const parser = buildParser(terminal);
    await parser.parseAsync([...argv]);
    return exitCodes.ok;
  } catch (error) {
    const { text, exitCode } = failureOf(error);
    terminal.error(printable(text));
    return exitCode;
  }
}

function buildParser(terminal: Terminal): Argv {
  const parser = yargs()
    .scriptName("vmsyncctl")
    // Half a sentence in the language of the environment would follow half a one in English.
    .detectLocale(false)
    .usage("$0 COMMAND\n\nInspects the vmsyncd of this host.")
    .option("json", { type: "boolean", default: false, describe: "Print the answer as JSON" })
    .option("socket", { type: "string", requiresArg: true, describe: "Unix socket of vmsyncd" })
    .option("url", {
      type: "string",
      requiresArg: true,
      describe: "http://127.0.0.1:PORT of vmsyncd",
    })
    .conflicts("socket", "url")
    .example("$0 report", "what a management node would be told now")
    .epilogue(
      [
        "Without --socket and --url: VMSYNCD_HTTP_SOCKET, else",
        `${httpSocketPath({})}.`,
        "Exit codes: 0 answered, 1 failed, 2 wrong usage, 69 not reachable,",
        "77 not permitted, 78 bad VMSYNCD_HTTP_SOCKET.",
      ].join("\n"),
    )
    .strict()
    .recommendCommands()
    .demandCommand(1, "cannot run vmsyncctl: name a command; --help lists them")
    .exitProcess(false)
    .showHelpOnFail(false)
    .version(false)
    .wrap(Math.min(terminal.columns ?? 80, 100))
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  for (const [first, group] of Map.groupBy(commands, ({ words }) => words[0])) {
    addCommands(parser, first, group, terminal);
  }
  return parser;
}

function addCommands(
  parser: Argv,
  first: string,
  group: readonly Command[],
  terminal: Terminal,
): void {
  const run = (command: Command) => (options: object) =>
    runCommand(command, options as Options, terminal);
  const [only] = group;
  if (only !== undefined && only.words.length === 1) {
    parser.command(first, only.describe, (builder) => builder, run(only));
    return;
  }
  parser.command(first, group.map(({ describe }) => describe).join("; "), (sub) => {
    for (const command of group) {
      sub.command(command.words.slice(1).join(" "), command.describe, (b) => b, run(command));
    }
    return sub.demandCommand(1, `cannot run ${first}: name one of its commands; --help lists them`);
  });
}

async function runCommand(command: Command, options: Options, terminal: Terminal): Promise<void> {
  await using client = new VmsyncdClient(addressOf(options));
  await command.run({ client, terminal, json: options.json, nowMs: Date.now });
}

function addressOf(options: Options): AgentAddress {
  const socket = oneText("--socket", options.socket);
  const url = oneText("--url", options.url);
  if (url === undefined) return { socketPath: socket ?? httpSocketPath(processEnvironment()) };
  const { origin, protocol } = URL.parse(url) ?? { origin: "", protocol: "" };
  if (protocol !== "http:")
    throw new UsageError(`cannot use --url ${url}: expected http://HOST:PORT`);
  return { origin };
}

function oneText(flag: string, value: string | string[] | undefined): string | undefined {
  if (Array.isArray(value)) throw new UsageError(`cannot use ${flag}: it is given more than once`);
  if (value === "") throw new UsageError(`cannot use ${flag}: it is empty`);
  return value;
}

function failureOf(error: unknown): { text: string; exitCode: ExitCode } {
  if (error instanceof UsageError) return { text: usageText(error), exitCode: exitCodes.usage };
  if (error instanceof ConfigError) {
    return { text: error.message, exitCode: exitCodes.badConfiguration };
  }
  if (error instanceof AgentUnreachableError) {
    const isForbidden = error.code === "permission-denied";
    return {
      text: error.message,
      exitCode: isForbidden ? exitCodes.noPermission : exitCodes.unavailable,
    };
  }
  if (error instanceof ApiError) return { text: error.message, exitCode: exitCodes.failed };
  const { name, message } = error as Error;
  // yargs throws its own class for what the user typed.
  if (name === "YError") return { text: usageText(error as Error), exitCode: exitCodes.usage };
  return { text: `vmsyncctl failed: ${message}`, exitCode: exitCodes.failed };
}

function usageText({ message }: Error): string {
  if (message.startsWith("cannot ")) return message;
  const cause = message.replace(
    /^Did you mean (.*)\?$/,
    "there is no such command, did you mean '$1'?",
  );
  return `cannot run vmsyncctl: ${cause}; see --help`;
}
