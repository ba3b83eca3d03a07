import type { VmsyncdClient } from "../client/client.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandContext {
  readonly client: VmsyncdClient;
  readonly terminal: Terminal;
  /** Print the answer as it is, for machines. */
  readonly json: boolean;
  readonly nowMs: () => number;
}

/** One command of vmsyncctl; what it throws becomes one sentence and an exit code. */
export interface Command {
  /** How it is called: ["claims", "list"]. */
  readonly words: readonly [string, ...string[]];
  /** One line for --help. */
  readonly describe: string;
  run(context: CommandContext): Promise<void>;
}
