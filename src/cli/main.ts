// The program `vmsyncctl`: finds the command, runs it, and turns every failure into one sentence
// and an exit code.

import { type AgentAddress, VmsyncdClient } from "../client/client.ts";
import { processEnvironment } from "../config/environment.ts";
import { httpSocketPath } from "../config/http-socket.ts";
import { storeSettings } from "../config/store-settings.ts";
import { Arguments, type Typed } from "./arguments.ts";
import type { Command } from "./command.ts";
import { optionWords } from "./shell-words.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { FallbackReader } from "./fallback-reader.ts";
import { failureOf } from "./failure.ts";
import { buildParser, checkCommand } from "./parser.ts";
import { warn } from "./prose.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Runs one command line; never throws. */
export async function main(
  argv: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<ExitCode> {
  try {
    checkCommand(argv);
    const run = (command: Command, typed: Typed) => runCommand(command, typed, terminal);
    await buildParser(terminal, run).parseAsync([...argv]);
    return exitCodes.ok;
  } catch (error) {
    const { text, exitCode } = failureOf(error);
    warn(terminal, text);
    return exitCode;
  }
}

async function runCommand(command: Command, typed: Typed, terminal: Terminal): Promise<void> {
  const args = new Arguments(typed);
  const folder = folderOf(args);
  const settings = () => storeSettings(processEnvironment(), folder);
  await using client = new VmsyncdClient(addressOf(args));
  using fallback = new FallbackReader(client, settings, terminal);
  // What a --url leads to may be another host, of which the store here says nothing.
  const hasFallback = args.text("url") === undefined || folder !== undefined;
  await command.run({
    client,
    reader: hasFallback ? fallback : client,
    terminal,
    args,
    json: args.flag("json"),
    address: typedAddress(args),
    isAgentDown: () => fallback.isOpen,
    storeFolder: () => settings().folder,
    nowMs: Date.now,
  });
}

function addressOf(args: Arguments): AgentAddress {
  const socket = args.text("socket");
  const url = args.text("url");
  if (url === undefined) return { socketPath: socket ?? httpSocketPath(processEnvironment()) };
  const { origin, protocol } = URL.parse(url) ?? { origin: "", protocol: "" };
  if (protocol !== "http:")
    throw new UsageError(`cannot use --url ${url}: expected http://HOST:PORT`);
  return { origin };
}

/** The options that said where the agent is, as a command that is to be copied repeats them. */
function typedAddress(args: Arguments): string[] {
  return ["socket", "url"].flatMap((name) => {
    const value = args.text(name);
    return value === undefined ? [] : optionWords(`--${name}`, value);
  });
}

function folderOf(args: Arguments): string | undefined {
  const folder = args.text("folder");
  if (folder === undefined || folder.startsWith("/")) return folder;
  throw new UsageError(`cannot use --folder ${folder}: expected an absolute path`);
}
