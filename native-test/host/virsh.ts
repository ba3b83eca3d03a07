import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * Runs virsh from outside the host, on a unix socket of its libvirtd, and returns the output.
 * Rejects with what virsh wrote to stderr, and after `limitMs`.
 */
export async function runVirsh(
  socket: string,
  args: readonly string[],
  limitMs: number,
): Promise<string> {
  const uri = `qemu+unix:///system?socket=${socket}`;
  try {
    const { stdout } = await promisify(execFile)("virsh", ["--quiet", "-c", uri, ...args], {
      env: { ...process.env, LC_ALL: "C" },
      timeout: limitMs,
      // On SIGTERM it would first take its leave, of a libvirtd that may be hung.
      killSignal: "SIGKILL",
    });
    return stdout;
  } catch (error) {
    const { stderr, killed, message } = error as Error & { stderr?: string; killed?: boolean };
    const cause = killed === true ? `no answer in ${limitMs} ms` : stderr?.trim() || message;
    throw new Error(`cannot run virsh ${args.join(" ")}: ${cause}`, { cause: error });
  }
}
