import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";

/** A folder for the tests of one file; gone afterwards. */
export class TemporaryFolder {
  #path = "";

  constructor() {
    beforeAll(() => {
      this.#path = mkdtempSync(path.join(tmpdir(), "vmsyncd-config-"));
    });
    afterAll(() => rmSync(this.#path, { recursive: true, force: true }));
  }

  file(name: string): string {
    return path.join(this.#path, name);
  }

  write(content: string | Uint8Array, name = "config.yaml"): string {
    writeFileSync(this.file(name), content);
    return this.file(name);
  }
}
