// A program of this project as a child process, and what it said.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

interface Options {
  readonly environment?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Instead of the Node that runs the tests. */
  readonly node?: string;
  readonly uid?: number;
  /** Makes it the leader of a process group, as a shell does: see `interrupt`. */
  readonly isLeader?: boolean;
  /** A descriptor to write to; it is kept in `out` by default. */
  readonly stdout?: number;
}

/** Compiled code of the programs, kept from one start to the next: most of a start is compiling. */
const compileCache = path.join(root, "node_modules/.cache/vmsyncd-tests");

/** The environment of the tests without the variables that the programs read. */
function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("VMSYNCD_"));
  return { ...Object.fromEntries(own), NODE_COMPILE_CACHE: compileCache, ...more };
}

/** Also those of a test that ran into its time limit, and so never came to its end. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Ends its process when it is disposed of, if nothing else did. */
export class Program implements AsyncDisposable {
  readonly ended: Promise<Ending>;
  readonly child: ChildProcess;
  out = "";
  error = "";

  constructor(program: string, args: readonly string[], options: Options = {}) {
    this.child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: environment(options.environment),
      detached: options.isLeader ?? false,
      stdio: ["ignore", options.stdout ?? "pipe", "pipe"],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    running.add(this.child);
    this.child.once("exit", () => running.delete(this.child));
    this.child.stdout?.on("data", (chunk: Buffer) => void (this.out += chunk.toString()));
    this.child.stderr?.on("data", (chunk: Buffer) => void (this.error += chunk.toString()));
    this.ended = once(this.child, "close").then((ending) => {
      const [code, signal] = ending as [number | null, NodeJS.Signals | null];
      return { code, signal, out: this.out, error: this.error };
    });
  }

  /** Runs a file of this project. */
  static node(file: string, args: readonly string[], options: Options = {}): Program {
    return new Program(options.node ?? process.execPath, [file, ...args], options);
  }

  /** What Ctrl-C does: SIGINT for the program and all that it started. */
  interrupt(): void {
    if (this.child.pid === undefined) throw new Error("it did not start");
    process.kill(-this.child.pid, "SIGINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** Runs a file of this project to its end. */
export async function run(
  file: string,
  args: readonly string[],
  options: Options = {},
): Promise<Ending> {
  await using program = Program.node(file, args, options);
  return await program.ended;
}
