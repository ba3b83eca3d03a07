import { createHash } from "node:crypto";
import type { ClaimStatement } from "../core/claim.ts";

/** What tells one list from another. */
export function digestOf(list: readonly ClaimStatement[]): string {
  const rows = list.map(({ vmUuid, operationId, reason, orphanTtlSeconds }) => {
    return [vmUuid, operationId, reason, orphanTtlSeconds];
  });
  return createHash("sha256").update(JSON.stringify(rows)).digest("base64");
}
