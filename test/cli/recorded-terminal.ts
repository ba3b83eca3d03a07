// A terminal that keeps what is written to it, and one run of vmsyncctl in this process.

import { main } from "../../src/cli/main.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

export interface Run {
  readonly exitCode: number;
  /** What went to standard output, each call of it a line. */
  readonly out: readonly string[];
  readonly error: readonly string[];
}

/**
 * @param columns of the terminal; undefined: it is none
 * @param answer what the person at the terminal types; undefined: nobody is there
 * @param interrupted aborted when that person presses Ctrl-C
 * @param onOut told of each line of standard output
 */
export async function vmsyncctl(
  argv: readonly string[],
  columns?: number,
  answer?: string,
  interrupted?: AbortSignal,
  onOut: (text: string) => void = () => {},
): Promise<Run> {
  const out: string[] = [];
  const error: string[] = [];
  const terminal: Terminal = {
    columns,
    errorColumns: columns,
    out: (text) => {
      out.push(text);
      onOut(text);
    },
    error: (text) => void error.push(text),
    ask:
      answer === undefined
        ? undefined
        : async (question) => {
            error.push(question);
            return answer;
          },
    interrupted: interrupted && (() => interrupted),
  };
  const exitCode = await main(argv, terminal);
  return { exitCode, out, error };
}
