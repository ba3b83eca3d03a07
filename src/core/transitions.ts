// Which changes are transitions that the history keeps (G11), and in which words.

import type { Change } from "./change.ts";
import { type Claim, type ClaimKey, claimKey, keyWithinNode } from "./claim.ts";
import type { HistoryEntry } from "./history.ts";
import type { Instant } from "./instant.ts";
import type { KnownManagementNode } from "./management-node.ts";
import { withheldWord } from "./report.ts";
import type { SkipListView } from "./skip-list.ts";
import type { Stop } from "./stop.ts";
import { anyOwner } from "./tombstone.ts";

type Entry = Omit<HistoryEntry, "atWallMs" | "by">;

/**
 * Transitions among changes that are about to be applied.
 *
 * @param before the state without them
 * @param by who asked: id of a management node, "operator" or "agent"
 */
export function transitionsOf(
  before: SkipListView,
  changes: readonly Change[],
  by: string,
  now: Instant,
): HistoryEntry[] {
  const ended = new Set<string>();
  for (const change of changes) {
    if (change.kind === "ended") ended.add(keyWithinNode(change.claim)).add(change.claim.vmUuid);
  }
  // A claim that its returning node names is taken back by the return and by its being named.
  const readopted = new Set<string>();
  // One that its node's new epoch names is orphaned by the epoch and taken back by the name.
  const orphaned = new Set<string>();
  const entries: HistoryEntry[] = [];
  for (const change of changes) {
    let entry = transitionOf(before, change, ended);
    if (entry === undefined) continue;
    if (change.kind === "orphaned") orphaned.add(claimKey(change.claim));
    if (change.kind === "claimed") {
      const key = claimKey(change.claim);
      if (orphaned.has(key)) entry = { ...entry, kind: "claim-readopted" };
      if (entry.kind === "claim-readopted" && readopted.has(key)) continue;
      if (entry.kind === "claim-readopted") readopted.add(key);
    }
    entries.push({ atWallMs: now.wallMs, by, ...entry });
  }
  return entries;
}

function transitionOf(
  before: SkipListView,
  change: Change,
  ended: ReadonlySet<string>,
): Entry | undefined {
  switch (change.kind) {
    case "node":
      return ofNode(before.managementNode(change.node.id), change.node);
    case "node-forgotten":
      return { kind: "node-forgotten", managementNodeId: change.managementNodeId };
    case "claimed":
      return ofClaimed(change.claim, change.was);
    case "orphaned": {
      const { cause, ttlSeconds } = change.claim.orphan ?? { cause: "departed", ttlSeconds: 0 };
      const detail = `ends in ${ttlSeconds} s at the latest`;
      return { kind: "claim-orphaned", ...keyOf(change.claim), cause, detail };
    }
    case "ended":
      return { kind: "claim-ended", ...keyOf(change.claim), cause: change.cause };
    case "tombstone":
      if (change.tombstone.kind !== "continued" || ended.has(keyWithinNode(change.tombstone))) {
        return undefined;
      }
      return { kind: "continued-nothing", ...keyOf(change.tombstone) };
    case "amnesia-began":
      return { kind: "amnesia-began", cause: change.amnesia.reason };
    case "amnesia-ended":
      return { kind: "amnesia-ended", cause: change.cause };
    case "floor": {
      const { vmUuid, managementNodeId } = change.floor;
      return ended.has(vmUuid)
        ? undefined
        : { kind: "continued-nothing", vmUuid, managementNodeId };
    }
    case "stop":
      return ofStop(before.stops.get(change.stop.vmUuid), change.stop);
    case "stop-forgotten":
    case "tombstone-removed":
    case "floor-removed":
    case "list-heard":
    case "listened":
      return undefined;
    default:
      throw new Error(`unreachable: ${JSON.stringify(change satisfies never)}`);
  }
}

function ofStop(was: Stop | undefined, is: Stop): Entry | undefined {
  const { vmUuid, cause } = is;
  const saying = is.said.at(-1);
  if (saying !== undefined && saying !== was?.said.at(-1)) {
    const isWithheld = saying.startsWith(withheldWord);
    const kind = isWithheld ? "stop-withheld" : "stop-said";
    return { kind, vmUuid, cause, detail: saying };
  }
  if (is.isAcknowledged && was?.isAcknowledged !== true) {
    return { kind: "stop-acknowledged", vmUuid, cause };
  }
  return cause === was?.cause ? undefined : { kind: "vm-stopped", vmUuid, cause };
}

function ofNode(was: KnownManagementNode | undefined, is: KnownManagementNode): Entry | undefined {
  const managementNodeId = is.id;
  const detail = `epoch ${is.epoch}, instance ${is.instance}`;
  if (was === undefined || was.epoch !== is.epoch) {
    return { kind: "node-heard", managementNodeId, detail };
  }
  if (was.departed === undefined && is.departed !== undefined) {
    return { kind: "node-departed", managementNodeId, cause: is.departed.cause, detail };
  }
  if (was.departed !== undefined && is.departed === undefined) {
    return { kind: "node-returned", managementNodeId, detail };
  }
  return undefined;
}

function ofClaimed(is: Claim, was: Claim | undefined): Entry | undefined {
  const detail = is.reason === "" ? undefined : is.reason;
  if (was === undefined) return { kind: "claim-made", ...keyOf(is), detail };
  if (was.orphan !== undefined && is.orphan === undefined) {
    return { kind: "claim-readopted", ...keyOf(is), detail };
  }
  const isSame =
    was.reason === is.reason &&
    was.orphanTtlSeconds === is.orphanTtlSeconds &&
    was.epoch === is.epoch &&
    was.orphan === is.orphan;
  return isSame ? undefined : { kind: "claim-renewed", ...keyOf(is), detail };
}

function keyOf({ vmUuid, managementNodeId, operationId }: ClaimKey) {
  return {
    vmUuid,
    managementNodeId: managementNodeId === anyOwner ? undefined : managementNodeId,
    operationId,
  };
}
