// A host: QEMU processes, and a libvirtd that tells of them, mostly the truth.

import type { DomainNews } from "../../../src/agent/ports.ts";
import type { DomainLook } from "../../../src/core/observation.ts";
import type { Random } from "../random.ts";
import { HostClock } from "./host-clock.ts";
import type { SimulatedProcess } from "./process-files.ts";
import type { Pausable, Scheduler } from "./scheduler.ts";

/** Whether libvirtd answers; a closed set. */
export type LibvirtMood = "well" | "hangs" | "down";

/** One run of a VM on one host, from the order to its last breath. */
export interface VmRun {
  readonly vm: string;
  readonly host: string;
  /** What its start goes back to: an order's id. */
  readonly cause: string;
  readonly pid: number;
  /** child: libvirt's, not QEMU yet; incoming: QEMU that waits for its memory; gone: over. */
  phase: "child" | "incoming" | "running" | "gone";
  /** When it became QEMU. */
  qemuSinceMs?: number;
  goneAtMs?: number;
}

/** How a VM's run ends, and the reason that libvirt gives for it (virDomainShutoffReason). */
export const shutOffReasons = { shutdown: 1, destroyed: 2, crashed: 3, migrated: 4 } as const;
export type ShutOff = keyof typeof shutOffReasons;

export interface HostPorts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Told whenever a VM begins or ends to run. */
  readonly onRun: (run: VmRun) => void;
  /** Told what libvirt tells of it, where somebody listens. */
  readonly onNews: (host: SimulatedHost, news: DomainNews) => void;
}

/** virDomainState and reasons, as far as they occur. */
const active = { state: 1, reason: 1 };
const startingUp = { state: 3, reason: 11 };
const pausedForMigration = { state: 3, reason: 3 };

const libvirtCommandLine = "/usr/sbin/libvirtd";

export class SimulatedHost implements Pausable {
  readonly name: string;
  readonly clock: HostClock;
  readonly processes = new Map<number, SimulatedProcess>();
  readonly #ports: HostPorts;
  readonly #persistent: ReadonlySet<string>;
  readonly #domains = new Map<string, DomainLook>();
  /** Since when libvirt tells of a VM what is so; absent: from the beginning. */
  readonly #toldSinceMs = new Map<string, number>();
  /** When a VM moved away last. */
  readonly #movedAwayAtMs = new Map<string, number>();
  /** When the agent saw it here last, as far as it has to know it still. */
  readonly #seenAtMs = new Map<string, number>();
  readonly runs: VmRun[] = [];
  pausedUntilMs = 0;
  bootNumber = 1;
  #mood: LibvirtMood = "well";
  #moodUntilMs = 0;
  #pids = 100;
  /** The process table cannot be read until then. */
  tableHiddenUntilMs = 0;

  /** @param persistent VMs whose domains stay known to libvirt when they are off */
  constructor(name: string, persistent: ReadonlySet<string>, ports: HostPorts) {
    this.name = name;
    this.#ports = ports;
    this.#persistent = persistent;
    this.clock = new HostClock(ports.scheduler, ports.random);
    this.#startSystem();
  }

  get bootId(): string {
    return `${this.name}-boot-${this.bootNumber}`;
  }

  get mood(): LibvirtMood {
    return this.#moodUntilMs > this.#ports.scheduler.nowMs ? this.#mood : "well";
  }

  /** What libvirt says of all domains right now. */
  domains(): Map<string, DomainLook> {
    return new Map(this.#domains);
  }

  upset(mood: LibvirtMood, forMs: number): void {
    this.#mood = mood;
    this.#moodUntilMs = this.#ports.scheduler.nowMs + forMs;
  }

  runOf(vm: string): VmRun | undefined {
    return this.runs.findLast((run) => run.vm === vm && run.phase !== "gone");
  }

  /** A QEMU of the VM lived from one moment to another, seen throughout. */
  hadQemuThroughout(vm: string, fromMs: number, toMs: number): boolean {
    return this.runs.some((run) => {
      const { qemuSinceMs, goneAtMs } = run;
      if (run.vm !== vm || qemuSinceMs === undefined) return false;
      return qemuSinceMs < fromMs && (goneAtMs === undefined || goneAtMs > toMs);
    });
  }

  /** The VM was not here, in no shape, and libvirt said so, from one moment to another. */
  lackedThroughout(vm: string, fromMs: number, toMs: number): boolean {
    if ((this.#toldSinceMs.get(vm) ?? Number.NEGATIVE_INFINITY) >= fromMs) return false;
    return this.runs.every((run) => {
      if (run.vm !== vm) return true;
      const beganMs = this.#beganMs.get(run) ?? 0;
      return beganMs > toMs || (run.goneAtMs !== undefined && run.goneAtMs < fromMs);
    });
  }

  readonly #beganMs = new Map<VmRun, number>();

  /**
   * A VM that moved away, and that the agent did not see here since: never a stop before that was
   * acknowledged. One that came back and ended while no agent ran was not seen.
   */
  movedAway(vm: string): boolean {
    const awayMs = this.#movedAwayAtMs.get(vm);
    if (awayMs === undefined) return false;
    const seenAtMs = this.#seenAtMs.get(vm) ?? Number.NEGATIVE_INFINITY;
    // For a moment libvirt still calls it active: only a run since then was a return.
    return !this.runs.some((run) => {
      const beganMs = run.vm === vm ? this.#beganMs.get(run) : undefined;
      return beganMs !== undefined && beganMs > awayMs && beganMs <= seenAtMs;
    });
  }

  /** The agent knows that the VM was here at a moment. */
  seenByAgent(vm: string, atMs: number): void {
    this.#seenAtMs.set(vm, Math.max(atMs, this.#seenAtMs.get(vm) ?? Number.NEGATIVE_INFINITY));
  }

  /** The agent may have lost what it saw since a moment. */
  unseenByAgent(sinceMs: number): void {
    for (const [vm, atMs] of this.#seenAtMs) if (atMs >= sinceMs) this.#seenAtMs.delete(vm);
  }

  /**
   * libvirt starts a VM.
   *
   * @returns undefined if it is active here already
   */
  start(vm: string, cause: string, isIncoming = false): VmRun | undefined {
    if (this.runOf(vm) !== undefined) return undefined;
    const { scheduler, random } = this.#ports;
    this.#pids += 1;
    const run: VmRun = { vm, host: this.name, cause, pid: this.#pids, phase: "child" };
    this.runs.push(run);
    this.#beganMs.set(run, scheduler.nowMs);
    const startTime = Math.round(scheduler.nowMs);
    const commandLine = libvirtCommandLine;
    this.processes.set(run.pid, { pid: run.pid, startTime, comm: "rpc-libvirtd", commandLine });
    this.#tell(vm, startingUp);
    const execMs = random.chance(0.2) ? random.between(200, 900) : random.between(70, 110);
    scheduler.after(execMs, () => this.#exec(run, isIncoming), this);
    return run;
  }

  /** The memory has arrived: the VM runs here now. */
  takeOver(run: VmRun): void {
    if (run.phase !== "incoming") return;
    run.phase = "running";
    this.#tell(run.vm, active);
    this.#ports.onRun(run);
    this.#emit({ kind: "started", vmUuid: run.vm });
  }

  /** libvirt tells at once or never: who is not connected hears nothing of it later. */
  #emit(news: DomainNews): void {
    if (this.mood === "well") this.#ports.onNews(this, news);
  }

  /** The run is over; libvirt notices a little later. */
  end(run: VmRun, how: ShutOff): void {
    if (run.phase === "gone") return;
    const { scheduler, random } = this.#ports;
    run.phase = "gone";
    run.goneAtMs = scheduler.nowMs;
    this.processes.delete(run.pid);
    if (how === "migrated") this.#movedAwayAtMs.set(run.vm, scheduler.nowMs);
    this.#ports.onRun(run);
    const { bootNumber } = this;
    // While it is down it notices nothing; for a moment after it still shows what it believed.
    const noticeMs = this.mood === "down" ? this.#moodUntilMs - scheduler.nowMs + 200 : 0;
    this.#toldSinceMs.set(run.vm, Number.POSITIVE_INFINITY);
    const notice = (): void => {
      if (this.bootNumber !== bootNumber || this.runOf(run.vm) !== undefined) return;
      this.#shutOff(run.vm, shutOffReasons[how]);
      this.#emit({ kind: "stopped", vmUuid: run.vm, cause: how });
    };
    scheduler.after(noticeMs + random.between(0, 250), notice, this);
  }

  /** libvirtd restarts with a damaged status file: its QEMU lives on, and libvirt denies it. */
  forget(vm: string): void {
    this.#shutOff(vm, 0);
  }

  /** Everything that ran here is gone, and the boot-time clock begins at zero. */
  reboot(): void {
    this.bootNumber += 1;
    for (const run of this.runs) {
      if (run.phase === "gone") continue;
      run.phase = "gone";
      run.goneAtMs = this.#ports.scheduler.nowMs;
      this.#ports.onRun(run);
    }
    this.clock.reboot();
    const known = [...this.#domains.keys()];
    this.#domains.clear();
    for (const vm of known) this.#shutOff(vm, 0);
    this.#moodUntilMs = 0;
    this.#startSystem();
  }

  #startSystem(): void {
    this.processes.clear();
    this.#pids = 100;
    const system = [
      { pid: 1, comm: "systemd", commandLine: "/sbin/init" },
      { pid: 90, comm: "libvirtd", commandLine: libvirtCommandLine },
    ];
    for (const process of system) this.processes.set(process.pid, { ...process, startTime: 1 });
  }

  #exec(run: VmRun, isIncoming: boolean): void {
    const process = this.processes.get(run.pid);
    if (run.phase !== "child" || process === undefined) return;
    const { scheduler, random } = this.#ports;
    process.comm = "qemu-system-x86";
    process.commandLine = `/usr/bin/qemu-system-x86_64\0-name\0guest=${run.vm}\0-uuid\0${run.vm}`;
    run.qemuSinceMs = scheduler.nowMs;
    run.phase = isIncoming ? "incoming" : "running";
    this.#ports.onRun(run);
    const upMs = random.between(100, 500);
    const up = (): void => {
      if (run.phase === "running") this.#tell(run.vm, active);
      if (run.phase === "incoming") this.#tell(run.vm, pausedForMigration);
    };
    scheduler.after(upMs, up, this);
  }

  #shutOff(vm: string, reason: number): void {
    if (this.#persistent.has(vm)) this.#tell(vm, { state: 5, reason });
    else this.#domains.delete(vm);
    this.#toldSinceMs.set(vm, this.#ports.scheduler.nowMs);
  }

  #tell(vm: string, says: { state: number; reason: number }): void {
    this.#domains.set(vm, { uuid: vm, name: vm.replaceAll("-", ""), ...says });
    this.#toldSinceMs.set(vm, this.#ports.scheduler.nowMs);
  }
}
