// Another program that has a socket: a child process that says a line when it is bound.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export class ForeignServer implements Disposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(program: string, args: readonly string[]): Promise<ForeignServer> {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return new ForeignServer(child);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null;
  }

  /** It accepts and reads nothing from now on. */
  stop(): void {
    this.#child.kill("SIGSTOP");
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
