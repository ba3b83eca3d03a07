// Claims, tombstones, VM floors and management nodes as rows.

import { type Claim, type ClaimKey, type Orphanhood, orphanCauses } from "../core/claim.ts";
import { type AppliedList, departureCauses, type RefusedPlace } from "../core/management-node.ts";
import type { NodeRecord, TombstoneKey, VmFloorKey } from "../core/records.ts";
import { type RefusalCode, refusalCodes } from "../core/refusal.ts";
import { type Stop, stopCauses } from "../core/stop.ts";
import { type Tombstone, tombstoneKinds, type VmFloor } from "../core/tombstone.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { Cells } from "./cells.ts";
import type { Table } from "./table.ts";

const claimKeyColumns = {
  management_node_id: (key: ClaimKey) => key.managementNodeId,
  vm_uuid: (key: ClaimKey) => key.vmUuid,
  operation_id: (key: ClaimKey) => key.operationId,
};

function parseClaimKey(cells: Cells): ClaimKey {
  return {
    managementNodeId: cells.text("management_node_id"),
    vmUuid: cells.vmUuid(),
    operationId: cells.text("operation_id"),
  };
}

export const claimTable: Table<Claim, ClaimKey> = {
  name: "claims",
  columns: {
    ...claimKeyColumns,
    reason: (claim) => claim.reason,
    orphan_ttl_seconds: (claim) => claim.orphanTtlSeconds,
    epoch: (claim) => claim.epoch,
    sequence: (claim) => claim.sequence,
    made_ms: (claim) => claim.madeAt.ms,
    made_wall_ms: (claim) => claim.madeAt.wallMs,
    orphan_cause: (claim) => claim.orphan?.cause,
    orphan_since_ms: (claim) => claim.orphan?.since.ms,
    orphan_since_wall_ms: (claim) => claim.orphan?.since.wallMs,
    orphan_granted_seconds: (claim) => claim.orphan?.ttlSeconds,
    orphan_expires_at_ms: (claim) => claim.orphan?.expiresAtMs,
  },
  keyColumns: claimKeyColumns,
  parse: (cells) => {
    const claim: Claim = {
      managementNodeId: cells.text("management_node_id"),
      vmUuid: cells.vmUuid(),
      operationId: cells.text("operation_id"),
      reason: cells.text("reason"),
      epoch: cells.number("epoch"),
      sequence: cells.number("sequence"),
      madeAt: cells.instant("made_ms", "made_wall_ms"),
    };
    const orphanTtlSeconds = cells.numberIfAny("orphan_ttl_seconds");
    const orphan = parseOrphan(cells);
    // Most have neither, and a start with thousands of claims waits for this.
    if (orphanTtlSeconds === undefined && orphan === undefined) return claim;
    return {
      ...claim,
      ...(orphanTtlSeconds !== undefined && { orphanTtlSeconds }),
      ...(orphan !== undefined && { orphan }),
    };
  },
};

function parseOrphan(cells: Cells): Orphanhood | undefined {
  if (!cells.has("orphan_cause")) return undefined;
  return {
    cause: cells.oneOf("orphan_cause", orphanCauses),
    since: cells.instant("orphan_since_ms", "orphan_since_wall_ms"),
    ttlSeconds: cells.number("orphan_granted_seconds"),
    expiresAtMs: cells.number("orphan_expires_at_ms"),
  };
}

export const tombstoneTable: Table<Tombstone, TombstoneKey> = {
  name: "tombstones",
  columns: {
    ...claimKeyColumns,
    kind: (stone) => stone.kind,
    up_to_epoch: (stone) => stone.upTo.epoch,
    up_to_sequence: (stone) => stone.upTo.sequence,
    at_ms: (stone) => stone.at.ms,
    at_wall_ms: (stone) => stone.at.wallMs,
  },
  keyColumns: claimKeyColumns,
  orderColumn: "laid",
  parse: (cells) => ({
    ...parseClaimKey(cells),
    kind: cells.oneOf("kind", tombstoneKinds),
    upTo: cells.place("up_to_epoch", "up_to_sequence"),
    at: cells.instant("at_ms", "at_wall_ms"),
  }),
};

export const stopTable: Table<Stop, VmUuid> = {
  name: "stops",
  columns: {
    vm_uuid: (stop) => stop.vmUuid,
    cause: (stop) => stop.cause,
    at_ms: (stop) => stop.at.ms,
    at_wall_ms: (stop) => stop.at.wallMs,
    is_acknowledged: (stop) => (stop.isAcknowledged ? 1 : 0),
    said: (stop) => JSON.stringify(stop.said),
  },
  keyColumns: { vm_uuid: (vmUuid) => vmUuid },
  orderColumn: "noted",
  parse: (cells) => {
    const said: unknown = cells.json("said");
    if (!isTexts(said)) return cells.refuse("said", "a list of texts");
    return {
      vmUuid: cells.vmUuid(),
      ...(cells.has("cause") && { cause: cells.oneOf("cause", stopCauses) }),
      at: cells.instant("at_ms", "at_wall_ms"),
      isAcknowledged: cells.number("is_acknowledged") !== 0,
      said,
    };
  },
};

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

const floorKeyColumns = {
  vm_uuid: (key: VmFloorKey) => key.vmUuid,
  management_node_id: (key: VmFloorKey) => key.managementNodeId,
};

export const floorTable: Table<VmFloor, VmFloorKey> = {
  name: "vm_floors",
  columns: {
    ...floorKeyColumns,
    up_to_epoch: (floor) => floor.upTo.epoch,
    up_to_sequence: (floor) => floor.upTo.sequence,
    at_ms: (floor) => floor.at.ms,
    at_wall_ms: (floor) => floor.at.wallMs,
  },
  keyColumns: floorKeyColumns,
  orderColumn: "laid",
  parse: (cells) => ({
    vmUuid: cells.vmUuid(),
    managementNodeId: cells.text("management_node_id"),
    upTo: cells.place("up_to_epoch", "up_to_sequence"),
    at: cells.instant("at_ms", "at_wall_ms"),
  }),
};

export const nodeTable: Table<NodeRecord, string> = {
  name: "management_nodes",
  columns: {
    id: (node) => node.id,
    epoch: (node) => node.epoch,
    instance: (node) => node.instance,
    sequence: (node) => node.sequence,
    last_list_sequence: (node) => node.lastList?.sequence,
    last_list_digest: (node) => node.lastList?.digest,
    last_list_refused: (node) => node.lastList && JSON.stringify(node.lastList.refused),
    lease_seconds: (node) => node.leaseSeconds,
    orphan_ttl_seconds: (node) => node.orphanTtlSeconds,
    last_seen_ms: (node) => node.lastSeenAt.ms,
    last_seen_wall_ms: (node) => node.lastSeenAt.wallMs,
    lease_remaining_ms: (node) => node.leaseRemainingMs,
    grace_used_ms: (node) => node.graceUsedMs,
    departed_cause: (node) => node.departed?.cause,
    departed_ms: (node) => node.departed?.at.ms,
    departed_wall_ms: (node) => node.departed?.at.wallMs,
    floor_epoch: (node) => node.floor?.epoch,
    floor_sequence: (node) => node.floor?.sequence,
  },
  keyColumns: { id: (id) => id },
  parse: parseNode,
};

function parseNode(cells: Cells): NodeRecord {
  const lastList = parseList(cells);
  const leaseSeconds = cells.numberIfAny("lease_seconds");
  const orphanTtlSeconds = cells.numberIfAny("orphan_ttl_seconds");
  return {
    id: cells.text("id"),
    ...cells.place("epoch", "sequence"),
    instance: cells.text("instance"),
    ...(lastList !== undefined && { lastList }),
    ...(leaseSeconds !== undefined && { leaseSeconds }),
    ...(orphanTtlSeconds !== undefined && { orphanTtlSeconds }),
    lastSeenAt: cells.instant("last_seen_ms", "last_seen_wall_ms"),
    leaseRemainingMs: cells.number("lease_remaining_ms"),
    graceUsedMs: cells.number("grace_used_ms"),
    ...(cells.has("departed_cause") && {
      departed: {
        cause: cells.oneOf("departed_cause", departureCauses),
        at: cells.instant("departed_ms", "departed_wall_ms"),
      },
    }),
    ...(cells.has("floor_epoch") && { floor: cells.place("floor_epoch", "floor_sequence") }),
  };
}

function parseList(cells: Cells): AppliedList | undefined {
  if (!cells.has("last_list_sequence")) return undefined;
  const refused = cells.json("last_list_refused");
  const isList = Array.isArray(refused) && refused.every(isRefusedPlace);
  if (!isList) cells.refuse("last_list_refused", "a list of refused places");
  return {
    sequence: cells.number("last_list_sequence"),
    digest: cells.text("last_list_digest"),
    refused,
  };
}

function isRefusedPlace(value: unknown): value is RefusedPlace {
  if (typeof value !== "object" || value === null) return false;
  const { place, code } = value as { place?: unknown; code?: unknown };
  return Number.isSafeInteger(place) && refusalCodes.includes(code as RefusalCode);
}
