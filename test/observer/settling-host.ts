// The observer as the daemon has it, over the real client, on a simulated host: two connections, the
// process table, and counts of what libvirt was asked.

import type { Observation } from "../../src/core/observation.ts";
import { LibvirtLink } from "../../src/libvirt/link.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { SocketDiscovery } from "../../src/libvirt/socket-discovery.ts";
import { DomainStates } from "../../src/observer/domain-states.ts";
import { Observer } from "../../src/observer/observer.ts";
import { ProcessTable } from "../../src/observer/process-table.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import { SocketFolder } from "../libvirt/socket-folder.ts";
import { uuid } from "./proc-folder.ts";

/** Limit of a look; half of it is the bulk call's, and 150 ms that of each call about one domain. */
export const limitMs = 1000;

export class SettlingHost implements AsyncDisposable {
  readonly simulator: Simulator;
  readonly states: DomainStates;
  readonly #observer: Observer;
  readonly #stack: AsyncDisposableStack;

  private constructor(simulator: Simulator, stack: AsyncDisposableStack) {
    this.simulator = simulator;
    this.#stack = stack;
    const options = { stepLimitMs: 2000, keepalive: { intervalMs: 60_000, count: 5 } };
    const link = new LibvirtLink(new SocketDiscovery(simulator.socketPath), {
      ...options,
      onDomainEvent: (event) => this.states.hear(event),
    });
    const second = new LibvirtLink(new SocketDiscovery(simulator.socketPath), options);
    this.states = new DomainStates(link, second);
    const processes = new ProcessTable(simulator.procPath);
    stack.defer(() => processes[Symbol.asyncDispose]());
    stack.defer(() => link.stop());
    stack.defer(() => second.stop());
    const now = () => ({ ms: performance.now(), wallMs: 0 });
    this.#observer = new Observer({ now, domains: this.states, processes }, limitMs);
  }

  /** With domains 1 to 4 of `uuid`: running, paused, shut off and crashed. A first look was whole. */
  static async start(): Promise<SettlingHost> {
    const stack = new AsyncDisposableStack();
    const folder = new SocketFolder();
    stack.defer(() => folder[Symbol.dispose]());
    const timings = { execMs: 0, startMs: 0 };
    const simulator = stack.use(await Simulator.start({ folder: folder.path, timings }));
    for (const number of [1, 2, 3, 4]) simulator.domains.define(`vm-${number}`, uuid(number));
    await simulator.domains.start(uuid(1));
    await simulator.domains.start(uuid(2), { paused: true });
    simulator.domains.setState(uuid(4), 5, 3);
    const host = new SettlingHost(simulator, stack);
    // The thread of the process table has to start first, on a machine that may be busy.
    for (let look = await host.look(); look.problems.length > 0; ) look = await host.look();
    return host;
  }

  look(): Promise<Observation> {
    return this.#observer.look();
  }

  /** From now on no call for all domains is answered, until what is returned is disposed of. */
  holdBulk(): Disposable {
    const { connectGetAllDomainStats } = procedures;
    return this.simulator.faults.inject(
      { kind: "hold" },
      { procedures: [connectGetAllDomainStats] },
    );
  }

  /** The same for the calls about one domain alone. */
  holdDomain(number: number): Disposable {
    const scope = { procedures: [procedures.domainGetState], domains: [uuid(number)] };
    return this.simulator.faults.inject({ kind: "hold" }, scope);
  }

  /** How often libvirt was asked for one domain. */
  get singleCalls(): number {
    return this.simulator.calls.received(procedures.domainGetState);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** The one problem of a look, code and words. */
export function problemOf({ problems }: Observation): string {
  return problems.map(({ code, detail }) => `${code}: ${detail}`).join("\n");
}

/** The domains that were settled one by one, by their numbers, as "state/reason". */
export function settledOf({ settled }: Observation): Record<number, string> {
  const numbered = [...settled.values()].map(({ uuid: id, state, reason }) => {
    return [Number(`0x${id.slice(-12)}`), `${state}/${reason}`] as const;
  });
  return Object.fromEntries(numbered);
}
