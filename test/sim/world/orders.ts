// What management nodes tell hosts to do with VMs. An order may wait on its host, arrive twice, or be
// carried out long after who gave it has died.

import type { OperationKind } from "../plan.ts";
import type { Random } from "../random.ts";
import type { SimulatedHost, VmRun } from "./host.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Order {
  readonly id: string;
  readonly what: OperationKind;
  readonly vm: string;
  readonly host: SimulatedHost;
  /** Of a migration: where to. */
  readonly destination?: SimulatedHost;
}

export interface OrderPorts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly startDelayMs: number;
  /** So long the next order waits; undefined: as long as it happens to. */
  delayNextMs?: number | undefined;
}

/** Mostly at once; now and then a host is busy with something else first. */
function queueMs(ports: OrderPorts): number {
  const { delayNextMs, random, startDelayMs } = ports;
  ports.delayNextMs = undefined;
  if (delayNextMs !== undefined) return delayNextMs;
  return random.chance(0.3) ? random.between(0, startDelayMs) : random.exponential(100);
}

/**
 * Carries out an order on its host.
 *
 * @param done told once whether it succeeded; never, if the host forgets it in a reboot
 */
export function carryOut(order: Order, ports: OrderPorts, done: (ok: boolean) => void): void {
  const { host } = order;
  const { bootNumber } = host;
  const { scheduler } = ports;
  const begin = (): void => {
    if (host.bootNumber === bootNumber) perform(order, ports, done);
  };
  scheduler.after(queueMs(ports), begin, host);
}

function perform(order: Order, ports: OrderPorts, done: (ok: boolean) => void): void {
  const { host, vm, what, id } = order;
  const run = host.runOf(vm);
  switch (what) {
    case "start":
      if (run !== undefined) done(false);
      else whenUp(host.start(vm, id), ports, done);
      return;
    case "stop":
      if (run !== undefined) host.end(run, "destroyed");
      done(true);
      return;
    case "reboot": {
      if (run === undefined) {
        done(false);
        return;
      }
      host.end(run, "shutdown");
      const again = (): void => whenUp(host.start(vm, id), ports, done);
      ports.scheduler.after(ports.random.between(100, 3_000), again, host);
      return;
    }
    case "migrate":
      if (run?.phase !== "running" || order.destination === undefined) done(false);
      else migrate(run, order, ports, done);
      return;
    default:
      throw new Error(`unreachable: ${JSON.stringify(what satisfies never)}`);
  }
}

const pollMs = 100;

function whenUp(run: VmRun | undefined, ports: OrderPorts, done: (ok: boolean) => void): void {
  if (run === undefined || run.phase === "gone") {
    done(false);
    return;
  }
  if (run.phase === "running") {
    done(true);
    return;
  }
  ports.scheduler.after(pollMs, () => whenUp(run, ports, done));
}

function migrate(
  source: VmRun,
  { vm, id, host, destination }: Order,
  { scheduler, random }: OrderPorts,
  done: (ok: boolean) => void,
): void {
  const incoming = destination?.start(vm, id, true);
  if (destination === undefined || incoming === undefined) {
    done(false);
    return;
  }
  const finish = (): void => {
    const succeeds = source.phase === "running" && incoming.phase === "incoming";
    if (succeeds) {
      // QEMU lets go on one side before the other goes on.
      host.end(source, "migrated");
      destination.takeOver(incoming);
    } else if (incoming.phase !== "gone") {
      destination.end(incoming, "destroyed");
    }
    done(succeeds);
  };
  scheduler.after(random.between(1_500, 12_000), finish);
}
