import { spawnSync } from "node:child_process";

/** Why the native tests cannot run on this machine, as a sentence; undefined if they can. */
export function whyNotHere(): string | undefined {
  if (process.platform !== "linux") {
    return `they need Linux, for they run libvirt and QEMU, and this is ${process.platform}`;
  }
  if (process.getuid?.() !== 0) {
    return "they need root, to install packages and to make namespaces; run them with sudo";
  }
  if (!runs("apt-get", ["--version"])) {
    return "they need Debian or a relative of it, and there is no apt-get here";
  }
  return whyNoNamespace();
}

function whyNoNamespace(): string | undefined {
  const unshare = spawnSync("unshare", ["--mount", "--pid", "--fork", "--mount-proc", "true"], {
    encoding: "utf8",
  });
  if (unshare.status === 0) return undefined;
  const cause = unshare.error?.message ?? unshare.stderr.trim();
  return `they need mount and pid namespaces, which a container often forbids: ${cause}`;
}

function runs(program: string, args: string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
