import { spawnSync } from "node:child_process";

/** libvirtd, virsh and QEMU for the private hosts. */
const hostPackages = [
  "libvirt-clients",
  "strace",
  "libvirt-daemon-driver-qemu",
  "libvirt-daemon-system",
  "qemu-system-x86",
];

/** What compiling the oracle takes. */
const compilerPackages = ["g++", "libvirt-dev", "make", "python3"];

/** Installs what the native tests need. */
export function installPackages(): void {
  installMissing([...hostPackages, ...compilerPackages]);
}

/** Installs those packages that are missing; touches neither apt nor the network if none is. */
export function installMissing(names: readonly string[]): void {
  const missing = missingPackages(names);
  if (missing.length === 0) return;
  process.stderr.write(`installing ${missing.join(", ")} (apt-get)\n`);
  aptGet("update");
  // Without what is recommended: a dnsmasq, a network bridge, a mail server. Where systemd runs,
  // the package starts the machine's own libvirtd; private hosts neither need nor disturb it.
  aptGet("install", "--yes", "--no-install-recommends", ...missing);
}

function missingPackages(names: readonly string[]): string[] {
  // Fails if one is unknown, yet answers for the others, which is all that is needed.
  const { stdout, error } = spawnSync(
    "dpkg-query",
    ["--show", "--showformat", "${Package} ${db:Status-Status}\n", ...names],
    { encoding: "utf8" },
  );
  if (error !== undefined) throw new Error("cannot list the installed packages", { cause: error });
  const installed = new Set(stdout.split("\n"));
  return names.filter((name) => !installed.has(`${name} installed`));
}

function aptGet(...args: string[]): void {
  const { status, signal, error } = spawnSync("apt-get", ["--quiet=2", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", 2, 2],
  });
  if (status === 0) return;
  const cause = error?.message ?? `it ended with ${status ?? signal}`;
  throw new Error(`cannot run apt-get ${args.join(" ")}: ${cause}`);
}
