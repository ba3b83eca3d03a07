// What can be read without an agent. While it runs it is asked; where it does not, its store is read
// instead, and standard error says so.

import { AgentUnreachableError } from "../client/errors.ts";
import type { StoreSettings } from "../config/store-settings.ts";
import { isStoreHeld, StoreError } from "../store/read-only.ts";
import type { Reader } from "./command.ts";
import { StoreReader } from "./store-reader.ts";
import { warn } from "./prose.ts";
import type { Terminal } from "./terminal.ts";

/** An agent, or else its store. */
export class FallbackReader implements Reader, Disposable {
  readonly #client: Reader;
  readonly #settings: () => StoreSettings;
  readonly #terminal: Terminal;
  #store: StoreReader | undefined;

  /** @param settings where the store is; may throw, and is asked only where there is no agent */
  constructor(client: Reader, settings: () => StoreSettings, terminal: Terminal) {
    this.#client = client;
    this.#settings = settings;
    this.#terminal = terminal;
  }

  /** Whether the store has answered in the agent's place. */
  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  claims(...filter: Parameters<Reader["claims"]>): ReturnType<Reader["claims"]> {
    return this.#ask((reader) => reader.claims(...filter));
  }

  managementNodes(): ReturnType<Reader["managementNodes"]> {
    return this.#ask((reader) => reader.managementNodes());
  }

  history(...filter: Parameters<Reader["history"]>): ReturnType<Reader["history"]> {
    return this.#ask((reader) => reader.history(...filter));
  }

  async #ask<T>(question: (reader: Reader) => Promise<T>): Promise<T> {
    if (this.#store !== undefined) return await question(this.#store);
    try {
      return await question(this.#client);
    } catch (error) {
      // Whoever hangs, refuses or speaks another language is there, and knows more than the store.
      const isDown = error instanceof AgentUnreachableError && error.code === "not-running";
      if (!isDown) throw error;
      this.#store = this.#open(error);
      return await question(this.#store);
    }
  }

  #open(down: AgentUnreachableError): StoreReader {
    const settings = this.#settings();
    const { folder } = settings;
    // An agent that runs is ahead of its store, and that it does not answer here is no proof that it
    // does not run.
    if (isStoreHeld(folder)) {
      throw still(down, `the vmsyncd of the store in ${folder} does run: say with --socket where`);
    }
    const store = openStore(settings);
    if (store === undefined) throw still(down, `there is no store to read instead in ${folder}`);
    const { writtenAt } = store;
    warn(
      this.#terminal,
      `vmsyncd is not running: this is what its store in ${folder} held at ${writtenAt}.`,
    );
    return store;
  }

  [Symbol.dispose](): void {
    this.#store?.[Symbol.dispose]();
  }
}

/** The same failure, with what is known of the store. */
function still(down: AgentUnreachableError, remark: string): AgentUnreachableError {
  return new AgentUnreachableError(down.code, `${down.message} (${remark})`, { cause: down });
}

function openStore(settings: StoreSettings): StoreReader | undefined {
  try {
    return StoreReader.open(settings);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { code, message } = error;
    throw new StoreError(code, `vmsyncd is not running, and ${message}`, { cause: error });
  }
}
