// The domains of a simulated host and what happens to them, with the states, reasons, events and
// delays that were seen on a real one (libvirt 9.0, QEMU 7.2).

import type { DomainEvent, DomainRef, DomainStateRecord } from "../libvirt/codec/messages.ts";
import { ProcessTree } from "./process-tree.ts";

/** virDomainState and the reasons that are used here (libvirt-domain.h). */
export const states = {
  running: { booted: [1, 1], unpaused: [1, 5] },
  paused: { user: [3, 1], startingUp: [3, 11] },
  shutoff: { unknown: [5, 0], shutdown: [5, 1], destroyed: [5, 2], crashed: [5, 3] },
} as const;

/** virDomainEventType with the details that are used here (libvirt-domain.h). */
export const lifecycle = {
  defined: [0, 0],
  redefined: [0, 1],
  undefined: [1, 0],
  started: [2, 0],
  suspended: [3, 0],
  resumed: [4, 0],
  shutdown: [5, 0],
  destroyed: [5, 1],
  failed: [5, 5],
  shutdownByGuest: [6, 1],
  shutdownByHost: [6, 2],
} as const;

export interface Timings {
  /** From the domain's appearance to the moment when its process becomes QEMU. */
  readonly execMs: number;
  /** From the domain's appearance to running. */
  readonly startMs: number;
}

/** As measured on a real host under software emulation. */
export const realTimings: Timings = { execMs: 90, startMs: 450 };

interface Domain {
  name: string;
  uuid: string;
  id: number;
  state: number;
  reason: number;
  persistent: boolean;
  pid: number | undefined;
}

type EventSink = (event: DomainEvent) => void;

export class SimulatedDomains {
  readonly processes: ProcessTree;
  readonly #timings: Timings;
  readonly #byUuid = new Map<string, Domain>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #emit: EventSink = () => {};
  #lastId = 0;

  /** @param procPath folder in which the process table is laid out like /proc */
  constructor(procPath: string, timings: Timings = realTimings) {
    this.processes = new ProcessTree(procPath);
    this.#timings = timings;
  }

  set eventSink(sink: EventSink) {
    this.#emit = sink;
  }

  records(): DomainStateRecord[] {
    return [...this.#byUuid.values()].map(({ name, uuid, id, state, reason }) => {
      return { name, uuid, id, state, reason };
    });
  }

  find(uuid: string): DomainStateRecord | undefined {
    return this.#byUuid.get(uuid);
  }

  /** Makes a persistent domain, shut off, or makes the one that is there persistent. */
  define(name: string, uuid: string): void {
    const known = this.#byUuid.get(uuid);
    if (known !== undefined) {
      known.persistent = true;
      this.#event(known, lifecycle.redefined);
      return;
    }
    const [state, reason] = states.shutoff.unknown;
    const domain = { name, uuid, id: -1, state, reason, persistent: true, pid: undefined };
    this.#byUuid.set(uuid, domain);
    this.#event(domain, lifecycle.defined);
  }

  /**
   * Starts a domain, a defined one or, given a name, a transient one. It is listed as starting up
   * at once; resolves when it runs (or is paused, if so asked).
   */
  async start(uuid: string, options: { name?: string; paused?: boolean } = {}): Promise<void> {
    const domain = this.#byUuid.get(uuid) ?? this.#transient(uuid, options.name);
    if (domain.pid !== undefined) throw new Error(`cannot start ${domain.name}: it is running`);
    this.#lastId += 1;
    domain.id = this.#lastId;
    [domain.state, domain.reason] = states.paused.startingUp;
    const pid = this.processes.fork();
    domain.pid = pid;
    await this.#after(this.#timings.execMs);
    if (domain.pid !== pid) return;
    this.processes.exec(pid, domain);
    await this.#after(this.#timings.startMs - this.#timings.execMs);
    if (domain.pid !== pid) return;
    if (options.paused === true) {
      [domain.state, domain.reason] = states.paused.user;
      this.#event(domain, lifecycle.started);
      this.#event(domain, lifecycle.suspended);
      return;
    }
    [domain.state, domain.reason] = states.running.booted;
    this.#event(domain, lifecycle.resumed);
    this.#event(domain, lifecycle.started);
  }

  suspend(uuid: string): void {
    const domain = this.#active(uuid);
    [domain.state, domain.reason] = states.paused.user;
    this.#event(domain, lifecycle.suspended);
  }

  resume(uuid: string): void {
    const domain = this.#active(uuid);
    [domain.state, domain.reason] = states.running.unpaused;
    this.#event(domain, lifecycle.resumed);
  }

  /** The operator pulls the plug. */
  destroy(uuid: string): void {
    this.#event(this.#active(uuid), lifecycle.shutdownByHost);
    this.#stop(uuid, states.shutoff.destroyed, lifecycle.destroyed);
  }

  /** The guest shuts itself down. */
  shutdown(uuid: string): void {
    this.#event(this.#active(uuid), lifecycle.shutdownByGuest);
    this.#stop(uuid, states.shutoff.shutdown, lifecycle.shutdown);
  }

  /** The process of a domain is killed, and libvirt notices. */
  fail(uuid: string): void {
    this.#stop(uuid, states.shutoff.crashed, lifecycle.failed);
  }

  reboot(uuid: string): void {
    const domain = this.#known(uuid);
    this.#emit({ kind: "reboot", callbackId: 0, domain: reference(domain) });
  }

  undefine(uuid: string): void {
    const domain = this.#known(uuid);
    if (!domain.persistent) throw new Error(`cannot undefine ${domain.name}: it is transient`);
    domain.persistent = false;
    if (domain.pid === undefined) this.#byUuid.delete(uuid);
    this.#event(domain, lifecycle.undefined);
  }

  /** Sets what libvirt says of a domain, whatever its process does: for tests of libvirt's lies. */
  setState(uuid: string, state: number, reason: number, id?: number): void {
    const domain = this.#known(uuid);
    Object.assign(domain, { state, reason, id: id ?? domain.id });
  }

  /** libvirt forgets a domain whose process lives on. */
  forget(uuid: string): void {
    this.#byUuid.delete(uuid);
  }

  /** The process of a domain ends and libvirt does not notice. */
  loseProcess(uuid: string): void {
    const { pid } = this.#known(uuid);
    if (pid !== undefined) this.processes.exit(pid);
  }

  /** Ends all timers; what was starting stays where it is. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #transient(uuid: string, name: string | undefined): Domain {
    if (name === undefined) throw new Error(`cannot start ${uuid}: no domain has this uuid`);
    const [state, reason] = states.shutoff.unknown;
    const domain = { name, uuid, id: -1, state, reason, persistent: false, pid: undefined };
    this.#byUuid.set(uuid, domain);
    return domain;
  }

  #stop(uuid: string, state: readonly [number, number], event: readonly [number, number]): void {
    const domain = this.#active(uuid);
    const { id } = domain;
    if (domain.pid !== undefined) this.processes.exit(domain.pid);
    domain.pid = undefined;
    domain.id = -1;
    [domain.state, domain.reason] = state;
    if (!domain.persistent) this.#byUuid.delete(uuid);
    // The one event that still names the id of the domain that was running.
    this.#event(event === lifecycle.failed ? { ...domain, id } : domain, event);
  }

  #known(uuid: string): Domain {
    const domain = this.#byUuid.get(uuid);
    if (domain === undefined) throw new Error(`cannot change ${uuid}: no domain has this uuid`);
    return domain;
  }

  #active(uuid: string): Domain {
    const domain = this.#known(uuid);
    if (domain.pid === undefined)
      throw new Error(`cannot change ${domain.name}: it is not running`);
    return domain;
  }

  #event(domain: Domain, [event, detail]: readonly [number, number]): void {
    this.#emit({ kind: "lifecycle", callbackId: 0, domain: reference(domain), event, detail });
  }

  #after(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      resolve();
    }, ms);
    this.#timers.add(timer);
    return promise;
  }
}

function reference({ name, uuid, id }: Domain): DomainRef {
  return { name, uuid, id };
}
