// A small file system of its own, so that a disk can really be full or read-only. Only root can mount.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

function mount(...args: string[]): void {
  execFileSync("mount", args, { stdio: "pipe" });
}

/** Why there can be none here; undefined if there can. */
export function whyNoMount(): string | undefined {
  if (process.geteuid?.() !== 0) return "only root can mount";
  try {
    using _folder = new MountedFolder();
    return undefined;
  } catch (error) {
    return `mount does not work here: ${(error as Error).message.split("\n").at(-1)}`;
  }
}

export class MountedFolder implements Disposable {
  readonly #mountPoint: string;

  constructor(bytes = 2 * 1024 * 1024) {
    this.#mountPoint = mkdtempSync(path.join(tmpdir(), "vmsyncd-mounted-"));
    try {
      mount("-t", "tmpfs", "-o", `size=${bytes}`, "vmsyncd-test", this.#mountPoint);
    } catch (error) {
      rmSync(this.#mountPoint, { recursive: true });
      throw error;
    }
    mkdirSync(this.path);
  }

  /** A folder in it. */
  get path(): string {
    return path.join(this.#mountPoint, "store");
  }

  get #ballast(): string {
    return path.join(this.#mountPoint, "ballast");
  }

  /** Leaves no room. */
  fill(): void {
    try {
      writeFileSync(this.#ballast, "");
      for (;;) appendFileSync(this.#ballast, Buffer.alloc(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  makeRoom(): void {
    rmSync(this.#ballast, { force: true });
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#mountPoint);
    return bavail * bsize;
  }

  makeReadOnly(): void {
    mount("-o", "remount,ro", this.#mountPoint);
  }

  makeWritable(): void {
    mount("-o", "remount,rw", this.#mountPoint);
  }

  makeFileReadOnly(file: string): void {
    mount("--bind", file, file);
    mount("-o", "remount,bind,ro", file);
  }

  makeFileWritable(file: string): void {
    execFileSync("umount", ["-l", file], { stdio: "pipe" });
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.#mountPoint], { stdio: "pipe" });
    rmSync(this.#mountPoint, { recursive: true });
  }
}
