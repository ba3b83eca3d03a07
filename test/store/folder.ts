// A folder for one store of a test, gone afterwards with all that was opened in it.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type OpenedStore, openStore, type StoreOptions } from "../../src/store/open.ts";

// Half of the start of a thread is reading its program, which is kept from one start to the next.
process.env["NODE_COMPILE_CACHE"] ??= path.resolve("node_modules/.cache/vmsyncd-tests");

export const closeLimitMs = 10_000;

export class StoreFolder implements AsyncDisposable {
  readonly path: string;
  readonly #opened = new Set<OpenedStore>();

  constructor(folder: string = mkdtempSync(path.join(tmpdir(), "vmsyncd-store-test-"))) {
    this.path = folder;
  }

  get file(): string {
    return path.join(this.path, "store.db");
  }

  get names(): string[] {
    return readdirSync(this.path).toSorted();
  }

  async open(options: Omit<StoreOptions, "folder"> = {}): Promise<OpenedStore> {
    const opened = await openStore({ folder: this.path, ...options });
    this.#opened.add(opened);
    return opened;
  }

  /** Ends what is open, as a clean stop of the agent does. */
  async close(): Promise<void> {
    for (const { store } of this.#opened) await store.close(closeLimitMs);
    this.#opened.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}
