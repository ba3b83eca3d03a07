import type { VmsyncdClient } from "../client/client.ts";
import type { Arguments } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

/** What can be read without an agent too, in the same shapes. */
export type Reader = Pick<VmsyncdClient, "claims" | "managementNodes" | "history">;

export interface CommandContext {
  readonly client: VmsyncdClient;
  /** The agent, or its store where it does not run. */
  readonly reader: Reader;
  readonly terminal: Terminal;
  readonly args: Arguments;
  /** Print the answer as it is, for machines. */
  readonly json: boolean;
  /** The options that said where the agent is, for commands that are shown. */
  readonly address: readonly string[];
  /** Whether it was the store that answered. */
  readonly isAgentDown: () => boolean;
  /** Folder of the store; throws a ConfigError if it cannot be known. */
  readonly storeFolder: () => string;
  readonly nowMs: () => number;
}

/** An argument that stands by its place. */
export interface Positional {
  readonly describe: string;
  readonly optional?: true;
}

export interface Option {
  readonly describe: string;
  /** Is there or not, without a value. */
  readonly isFlag?: true;
  readonly required?: true;
}

/** One command of vmsyncctl; what it throws becomes one sentence and an exit code. */
export interface Command {
  /** How it is called: ["claims", "list"]. */
  readonly words: readonly [string, ...string[]];
  /** One line for --help. */
  readonly describe: string;
  /** By name, in the order in which they are typed. */
  readonly positionals?: Readonly<Record<string, Positional>>;
  readonly options?: Readonly<Record<string, Option>>;
  run(context: CommandContext): Promise<void>;
}
