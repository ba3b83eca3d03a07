import type { ManagementNode } from "../../../src/http/schema/common.ts";
import type { Place, Span } from "./life.ts";

/** What a management node is to the reference, between bounds; moments of the world's time. */
export interface NodeRecord {
  readonly id: string;
  epochLeast: number;
  epochMost: number;
  instance: string;
  sequence: number;
  lastListSequence: number | undefined;
  /** Up to it a list may be one that was applied already, and not answered. */
  unansweredList: Place | undefined;
  leaseMs: Span;
  /** What it was when it was durable last. */
  leaseStoredMs: Span;
  ttl: Span;
  /** What it was when it was durable last. */
  ttlStored: Span;
  lapsesLeastMs: number;
  lapsesMostMs: number;
  /** Most by which starts and gaps have prolonged its lease since it last spoke. */
  graceUsedMs: number;
  /** That it is gone was said and answered, or may have been. */
  maybeDeparted: boolean;
  /** Its last word, or its departure, was not durable. */
  isUnstored: boolean;
  /** That this epoch has begun was not durable. */
  isEpochUnstored: boolean;
}

/** @param terms what holds for a node that asks for nothing */
export function newNode(
  { id, epoch, instance }: ManagementNode,
  { ttl, leaseMs }: { readonly ttl: Span; readonly leaseMs: Span },
): NodeRecord {
  return {
    id,
    epochLeast: epoch,
    epochMost: epoch,
    instance,
    sequence: 0,
    lastListSequence: undefined,
    unansweredList: undefined,
    leaseMs: { least: 0, most: 0 },
    leaseStoredMs: leaseMs,
    ttl,
    ttlStored: ttl,
    lapsesLeastMs: 0,
    lapsesMostMs: 0,
    graceUsedMs: 0,
    maybeDeparted: false,
    isUnstored: false,
    isEpochUnstored: false,
  };
}

/** The grace of the product's description, a minute, on a clock that is wrong by a little. */
const minuteMs: Span = { least: 59_970, most: 60_030 };

/**
 * The lease of a node when the agent listens again.
 *
 * @param silentFromMs when it stopped listening
 * @param at when it began to listen again
 */
export function listenAgain(node: NodeRecord, silentFromMs: number, at: Span): void {
  const leftLeastMs = Math.max(0, node.lapsesLeastMs - silentFromMs);
  const graceMs = Math.max(0, minuteMs.least - node.graceUsedMs);
  const grantedMs = Math.min(graceMs, Math.max(0, minuteMs.least - leftLeastMs));
  node.graceUsedMs += grantedMs;
  if (node.lapsesLeastMs > silentFromMs) {
    node.lapsesLeastMs = at.least + (node.isUnstored ? 0 : leftLeastMs + grantedMs);
  }
  const leftMostMs = Math.max(0, node.lapsesMostMs - silentFromMs);
  node.lapsesMostMs = at.most + Math.max(leftMostMs, minuteMs.most);
}
