import type { Delivery, SentEvent, SentReport } from "../reference/delivery.ts";
import type { HostReference, StartOfRun } from "../reference/host-reference.ts";
import type { World } from "../world/world.ts";

/** Tells that a promise was broken: which one, and how, for people. */
export type Fail = (guarantee: string, detail: string) => void;

/**
 * Watches one promise in every world. It is told of things in the order of their receipt, and only
 * when everything before them was answered, so that the reference knows what came of it.
 */
export interface Checker {
  readonly guarantee: string;
  /** A report was sent. */
  report?(sent: SentReport, reference: HostReference, world: World, fail: Fail): void;
  /** An event was sent. */
  event?(sent: SentEvent, reference: HostReference, world: World, fail: Fail): void;
  /** A request was answered; the reference is as it was before it. */
  answered?(delivery: Delivery, reference: HostReference, world: World, fail: Fail): void;
  /** The same, and the reference is as it is after it. */
  applied?(delivery: Delivery, reference: HostReference, world: World, fail: Fail): void;
  /** A run of the agent has begun to answer. */
  started?(start: StartOfRun, reference: HostReference): void;
  /** The world is over and quiet; every agent answers. */
  ended?(reference: HostReference, world: World, fail: Fail): void;
}
