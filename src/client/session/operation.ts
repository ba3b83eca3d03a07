import type { ClaimStatement } from "../../http/schema/claims.ts";
import { SessionError } from "./errors.ts";
import type { Outcome } from "./ports.ts";
import { normalVmUuid } from "./vm-uuid.ts";

/** An operation on a VM, and where it is claimed. */
export interface OperationStatement extends ClaimStatement {
  /** Every host whose report may judge the VM: both ends of a migration, the last host of a start. */
  readonly hosts: readonly string[];
}

/** An operation that is in flight, or whose end not every host has heard of. */
export class Operation {
  /** What the lists say of it. */
  readonly claim: ClaimStatement;
  readonly hosts: readonly string[];
  /** Undefined while it is in flight. */
  outcome: Outcome | undefined;
  /** Hosts that have not answered that it is over. */
  readonly unanswered: Set<string>;
  /** Every host has answered. */
  readonly over = Promise.withResolvers<void>();
  /** Rejects when it is no longer to be claimed. */
  readonly givenUp = Promise.withResolvers<never>();

  /** @throws SessionError "invalid-operation" */
  constructor(statement: OperationStatement) {
    const { vmUuid, operationId, reason, orphanTtlSeconds } = statement;
    const ttl = orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds };
    this.claim = { vmUuid: normalVmUuid(vmUuid), operationId, reason, ...ttl };
    this.hosts = [...new Set(statement.hosts)];
    if (this.hosts.length === 0) {
      const detail = `cannot claim operation ${operationId}: no host is named; name every host whose report may judge the VM`;
      throw new SessionError("invalid-operation", detail);
    }
    this.unanswered = new Set(this.hosts);
    // Who waits for neither must not be told by a crash.
    this.over.promise.catch(() => {});
    this.givenUp.promise.catch(() => {});
  }

  get key(): string {
    return operationKey(this.claim.vmUuid, this.claim.operationId);
  }

  /**
   * Whether the lists to a host name it. A list that leaves a claim out ends it: right once the
   * outcome is known, and as good as the continue if that is lost. One whose outcome is unknown has
   * to live on as an orphan, so it is named until the host has answered.
   */
  isNamedTo(hostId: string): boolean {
    if (this.outcome === undefined) return true;
    return this.outcome === "unknown" && this.unanswered.has(hostId);
  }
}

/** Which operation. */
export function operationKey(vmUuid: string, operationId: string): string {
  return `${normalVmUuid(vmUuid)} ${operationId}`;
}
