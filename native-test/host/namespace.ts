// The mount and pid namespace of a private host, seen from the test: its init is private-host.sh,
// and this is the other end of that script's input and output.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";

const initScript = path.join(import.meta.dirname, "private-host.sh");
const answerMs = 30_000;
const endMs = 10_000;
const stderrCharsMax = 4_000;

interface Question {
  readonly toWhat: string;
  readonly answer: PromiseWithResolvers<string>;
}

export class Namespace implements AsyncDisposable {
  readonly #unshare: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<void>;
  /** What is not answered yet, oldest first: the init answers in order. */
  readonly #questions: Question[] = [];
  #stderr = "";
  #initPid: number | undefined;
  #ended = false;

  private constructor(folder: string) {
    const flags = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    this.#unshare = spawn("unshare", [...flags, "bash", initScript, folder], {
      // What a host's services get. Settings of whoever runs the tests must not reach libvirtd.
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8" },
      // A process group of its own: Ctrl-C ends the test, and by that, in order, the namespace.
      detached: true,
    });
    createInterface({ input: this.#unshare.stdout }).on("line", (line) => {
      this.#questions.shift()?.answer.resolve(line);
    });
    this.#unshare.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax);
    });
    // A write to an init that ended; "close" tells the same, with its reason.
    this.#unshare.stdin.on("error", () => {});
    this.#closed = new Promise((resolve) => {
      this.#unshare.on("error", (error) => {
        this.#stderr += error.message;
        this.#end(resolve);
      });
      this.#unshare.on("close", () => this.#end(resolve));
    });
  }

  /**
   * Makes the namespace on `folder`, which holds `etc`; resolves when all mounts are there and
   * virtlogd runs. Rejects with what unshare or the script said.
   */
  static async start(folder: string): Promise<Namespace> {
    const namespace = new Namespace(folder);
    try {
      namespace.#initPid = Number(await namespace.#answer("make a namespace"));
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
    return namespace;
  }

  /** The namespace's pid 1, as seen outside. */
  get initPid(): number {
    if (this.#initPid === undefined) throw new Error("cannot name the init: it is not started");
    return this.#initPid;
  }

  /** Starts libvirtd and returns its pid as seen outside; it does not answer calls yet. */
  async startDaemon(): Promise<number> {
    return Number(await this.#ask("start-daemon"));
  }

  /** Sends a signal ("KILL") to a process, named by its pid inside; rejects if there is none. */
  async signal(name: string, pid: number): Promise<void> {
    const answer = await this.#ask(`signal ${name} ${pid}`);
    if (answer !== "done") {
      throw new Error(`cannot send SIG${name} to process ${pid}: ${this.#stderr.trim()}`);
    }
  }

  /** Kills everything inside, and resolves when the kernel has let go of all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unshare.stdin.end();
    const late = setTimeout(() => {
      // unshare's death kills the init, and the kernel kills a pid namespace with its init.
      this.#unshare.kill("SIGKILL");
    }, endMs);
    await this.#closed;
    clearTimeout(late);
  }

  #ask(command: string): Promise<string> {
    const answer = this.#answer(command);
    this.#unshare.stdin.write(`${command}\n`);
    return answer;
  }

  async #answer(toWhat: string): Promise<string> {
    if (this.#ended) throw this.#failure(toWhat);
    const answer = Promise.withResolvers<string>();
    this.#questions.push({ toWhat, answer });
    const late = setTimeout(() => {
      answer.reject(new Error(`cannot ${toWhat}: no answer in ${answerMs} ms. ${this.#stderr}`));
    }, answerMs);
    return answer.promise.finally(() => clearTimeout(late));
  }

  #failure(toWhat: string): Error {
    const reason = this.#stderr.trim() || "nothing was said";
    return new Error(`cannot ${toWhat}: the private host's init ended: ${reason}`);
  }

  #end(resolve: () => void): void {
    this.#ended = true;
    for (const { toWhat, answer } of this.#questions.splice(0)) {
      answer.reject(this.#failure(toWhat));
    }
    resolve();
  }
}
