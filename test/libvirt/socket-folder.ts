import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A folder for sockets, gone at the end of a `using` block. Its path is short enough for them. */
export class SocketFolder implements Disposable {
  readonly path = mkdtempSync(path.join(tmpdir(), "vmsyncd-"));

  socket(name = "libvirt-sock-ro"): string {
    return path.join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
