// A libvirt host of a test's own: a real libvirtd and real QEMUs that share nothing with the
// machine's libvirt nor with another private host but the network. How, says private-host.sh.

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DomainSpec, domainXml } from "./domain-xml.ts";
import { Namespace } from "./namespace.ts";
import { isAlive, readQemuProcesses, threadStates } from "./process-table.ts";
import { runVirsh } from "./virsh.ts";
import { waitUntil } from "./wait-until.ts";

const daemonAnswersMs = 30_000;
const daemonEndsMs = 30_000;
const daemonStopsMs = 5_000;
const virshMs = 60_000;
const logLinesShown = 20;

export interface PrivateHostOptions {
  /** Lines of libvirtd.conf beside its own host_uuid: `auth_unix_ro = "none"`. */
  readonly libvirtdSettings?: readonly string[];
}

export interface StartOptions {
  /** Its processors never run: the domain costs no CPU. */
  readonly paused?: boolean;
}

export class PrivateHost implements AsyncDisposable {
  /**
   * Holds the host's run (its whole /run: run/libvirt/qemu/NAME.xml are the status files), etc
   * (/etc/libvirt), lib, cache, log (each the libvirt folder under /var) and xml (the domains).
   */
  readonly folder: string;
  /** /proc of the host: processes have other pids there than outside. */
  readonly procPath: string;
  readonly readOnlySocket: string;
  readonly readWriteSocket: string;
  readonly #namespace: Namespace;
  #daemonPid: number | undefined;

  private constructor(folder: string, namespace: Namespace) {
    this.folder = folder;
    this.#namespace = namespace;
    this.procPath = `/proc/${namespace.initPid}/root/proc`;
    this.readOnlySocket = path.join(folder, "run/libvirt/libvirt-sock-ro");
    this.readWriteSocket = path.join(folder, "run/libvirt/libvirt-sock");
  }

  /** Starts a host without domains; resolves when its libvirtd answers on the read-only socket. */
  static async start(options: PrivateHostOptions = {}): Promise<PrivateHost> {
    const folder = await mkdtemp(path.join(tmpdir(), "private-host-"));
    try {
      // Passable, for an agent that is not root.
      await chmod(folder, 0o711);
      await writeConfiguration(folder, options);
      const host = new PrivateHost(folder, await Namespace.start(folder));
      try {
        await host.startDaemon();
      } catch (error) {
        await host[Symbol.asyncDispose]();
        throw error;
      }
      return host;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs virsh on this host and returns its output; rejects with what it wrote to stderr. */
  async virsh(...args: string[]): Promise<string> {
    return runVirsh(this.readWriteSocket, args, virshMs);
  }

  /** Makes a persistent domain, not started. */
  async define(domain: DomainSpec): Promise<void> {
    await this.virsh("define", await this.#writeXml(domain));
  }

  /** Makes and starts a transient domain. */
  async create(domain: DomainSpec, options: StartOptions = {}): Promise<void> {
    await this.virsh("create", await this.#writeXml(domain), ...pausedFlag(options));
  }

  async start(name: string, options: StartOptions = {}): Promise<void> {
    await this.virsh("start", "--domain", name, ...pausedFlag(options));
  }

  async suspend(name: string): Promise<void> {
    await this.virsh("suspend", "--domain", name);
  }

  async resume(name: string): Promise<void> {
    await this.virsh("resume", "--domain", name);
  }

  async destroy(name: string): Promise<void> {
    await this.virsh("destroy", "--domain", name);
  }

  async undefine(name: string): Promise<void> {
    await this.virsh("undefine", "--domain", name);
  }

  /** libvirtd's pid as seen outside; throws when it does not live. */
  daemonPid(): number {
    if (this.#daemonPid === undefined || !isAlive(this.#daemonPid)) {
      throw new Error(`cannot name libvirtd's pid: it does not run${this.#daemonLog()}`);
    }
    return this.#daemonPid;
  }

  /** SIGSTOP; resolves when each thread of libvirtd has stopped. */
  async stopDaemon(): Promise<void> {
    const pid = this.daemonPid();
    process.kill(pid, "SIGSTOP");
    await waitUntil("libvirtd to stop", daemonStopsMs, () => {
      const states = threadStates(pid);
      return states.length > 0 && states.every((state) => state === "T") ? true : undefined;
    });
  }

  /** SIGCONT. */
  continueDaemon(): void {
    process.kill(this.daemonPid(), "SIGCONT");
  }

  /** SIGTERM; resolves when libvirtd is gone. It removes its sockets. */
  async terminateDaemon(): Promise<void> {
    await this.#endDaemon("SIGTERM");
  }

  /** SIGKILL; resolves when libvirtd is gone. Its sockets stay and refuse. */
  async killDaemon(): Promise<void> {
    await this.#endDaemon("SIGKILL");
  }

  /** Starts libvirtd, which must not run; resolves when it answers on the read-only socket. */
  async startDaemon(): Promise<void> {
    if (this.#daemonPid !== undefined && isAlive(this.#daemonPid)) {
      throw new Error("cannot start libvirtd: it runs already");
    }
    this.#daemonPid = await this.#namespace.startDaemon();
    await waitUntil(
      "libvirtd to answer",
      daemonAnswersMs,
      () => this.#answers(),
      () => this.#daemonLog(),
    );
  }

  async restartDaemon(): Promise<void> {
    await this.terminateDaemon();
    await this.startDaemon();
  }

  /** The live QEMUs by uuid, read from the process table and not from libvirt; pids as inside. */
  async qemuPids(): Promise<Map<string, number>> {
    return readQemuProcesses(this.procPath);
  }

  /** Sends a signal ("KILL", "STOP", "SEGV") to the QEMU of a domain. */
  async signalQemu(uuid: string, signal: string): Promise<void> {
    const pid = (await this.qemuPids()).get(uuid);
    if (pid === undefined) throw new Error(`cannot send SIG${signal}: no QEMU of ${uuid}`);
    await this.#namespace.signal(signal, pid);
  }

  /** Kills libvirtd and all QEMUs, and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#namespace[Symbol.asyncDispose]();
    // The init did this already, if it was not killed.
    await rm(this.folder, { recursive: true, force: true });
  }

  async #endDaemon(signal: NodeJS.Signals): Promise<void> {
    const pid = this.daemonPid();
    process.kill(pid, signal);
    await waitUntil(
      `libvirtd to end after ${signal}`,
      daemonEndsMs,
      () => (isAlive(pid) ? undefined : true),
      () => this.#daemonLog(),
    );
  }

  /** True when libvirtd answered a call, undefined while it does not; throws when it is dead. */
  async #answers(): Promise<true | undefined> {
    this.daemonPid();
    // A look at the file is cheap, virsh is a process.
    if (!existsSync(this.readOnlySocket)) return undefined;
    return runVirsh(this.readOnlySocket, ["list", "--all"], daemonAnswersMs).then(
      () => true as const,
      () => undefined,
    );
  }

  async #writeXml(domain: DomainSpec): Promise<string> {
    const file = path.join(this.folder, "xml", `${domain.uuid}.xml`);
    await writeFile(file, domainXml(domain));
    return file;
  }

  #daemonLog(): string {
    try {
      const log = readFileSync(path.join(this.folder, "log/libvirtd.log"), "utf8");
      const lastLines = log.trimEnd().split("\n").slice(-logLinesShown);
      return `\nlibvirtd's last lines:\n${lastLines.join("\n")}`;
    } catch {
      return "\nlibvirtd wrote no log";
    }
  }
}

/**
 * Writes libvirt's configuration from nothing. A copy of the machine's would bring along, and
 * start, its autostarted networks and domains.
 */
async function writeConfiguration(folder: string, options: PrivateHostOptions): Promise<void> {
  await mkdir(path.join(folder, "xml"));
  await mkdir(path.join(folder, "etc"));
  // Without one of its own, a host would say it is the machine, and refuse to migrate to another.
  const settings = [`host_uuid = "${randomUUID()}"`, ...(options.libvirtdSettings ?? [])];
  await writeFile(path.join(folder, "etc/libvirtd.conf"), `${settings.join("\n")}\n`);
  // The machine's AppArmor and cgroups know nothing of a private host: nothing may be left in them.
  const qemuSettings = 'security_driver = "none"\ncgroup_controllers = []\n';
  await writeFile(path.join(folder, "etc/qemu.conf"), qemuSettings);
}

function pausedFlag(options: StartOptions): string[] {
  return options.paused === true ? ["--paused"] : [];
}
