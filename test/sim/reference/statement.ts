// What a request says, read off its address and body: the reference goes by what was sent, never by
// what the agent made of it.

import type { ManagementNode } from "../../../src/http/schema/common.ts";
import type { ClaimStatement } from "../../../src/http/schema/claims.ts";

export interface Speaker {
  readonly id: string;
  readonly epoch?: number | undefined;
  readonly sequence?: number | undefined;
}

export type Statement =
  | {
      readonly kind: "sync";
      readonly from: ManagementNode;
      readonly list: readonly ClaimStatement[] | undefined;
      readonly expect: readonly string[];
    }
  | {
      readonly kind: "claim";
      /** Undefined: the operator. */
      readonly from: ManagementNode | undefined;
      readonly claim: ClaimStatement;
    }
  | {
      readonly kind: "continue";
      readonly vmUuid: string;
      readonly operationId: string;
      readonly owner: string | undefined;
      readonly caller: Speaker | undefined;
      readonly isUnknown: boolean;
    }
  | {
      readonly kind: "continue-vm";
      readonly vmUuid: string;
      readonly caller: Speaker | undefined;
      readonly orphans: boolean;
    }
  | { readonly kind: "heartbeat"; readonly from: ManagementNode }
  | { readonly kind: "depart"; readonly id: string; readonly epoch: number }
  | { readonly kind: "end-amnesia" }
  | { readonly kind: "read" };

/** Reads a request; the simulation sends only such as the routes know. */
export function statementOf(method: string, path: string, body: unknown): Statement {
  const [address = "", query = ""] = path.split("?");
  const parts = address.split("/").slice(2).map(decodeURIComponent);
  const [noun, first = "", second] = parts;
  const said = (body ?? {}) as Record<string, unknown>;
  if (method === "GET") return { kind: "read" };
  if (noun === "sync") {
    const list = said["skipList"] as readonly ClaimStatement[] | undefined;
    const expect = (said["expect"] ?? []) as readonly string[];
    return { kind: "sync", from: said["managementNode"] as ManagementNode, list, expect };
  }
  if (noun === "amnesia") return { kind: "end-amnesia" };
  const parameters = new URLSearchParams(query);
  if (noun === "management-nodes") {
    if (method === "PUT") {
      return { kind: "heartbeat", from: said["managementNode"] as ManagementNode };
    }
    return { kind: "depart", id: first, epoch: Number(parameters.get("epoch")) };
  }
  if (method === "PUT") return claimOf(first, second ?? "", said);
  const caller = callerOf(parameters);
  if (second === undefined) {
    const orphans = parameters.get("orphans") === "true";
    return { kind: "continue-vm", vmUuid: first, caller, orphans };
  }
  return {
    kind: "continue",
    vmUuid: first,
    operationId: second,
    owner: parameters.get("managementNode") ?? undefined,
    caller,
    isUnknown: parameters.get("outcome") === "unknown",
  };
}

function claimOf(vmUuid: string, operationId: string, said: Record<string, unknown>): Statement {
  const reason = String(said["reason"]);
  const orphanTtlSeconds = said["orphanTtlSeconds"] as number | undefined;
  const ttl = orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds };
  const from = said["managementNode"] as ManagementNode | undefined;
  return { kind: "claim", from, claim: { vmUuid, operationId, reason, ...ttl } };
}

function callerOf(parameters: URLSearchParams): Speaker | undefined {
  const id = parameters.get("caller");
  if (id === null) return undefined;
  const epoch = parameters.get("callerEpoch");
  const sequence = parameters.get("callerSequence");
  return {
    id,
    epoch: epoch === null ? undefined : Number(epoch),
    sequence: sequence === null ? undefined : Number(sequence),
  };
}

/** One line of a timeline. */
export function statementText(method: string, path: string, statement: Statement): string {
  switch (statement.kind) {
    case "sync": {
      const { from, list } = statement;
      const listed = list?.map(({ vmUuid, operationId }) => `${vmUuid.slice(0, 4)}/${operationId}`);
      return `sync ${nodeText(from)}${listed === undefined ? "" : ` list [${listed.join(" ")}]`}`;
    }
    case "claim": {
      const { from, claim } = statement;
      const ttl = claim.orphanTtlSeconds === undefined ? "" : ` ttl ${claim.orphanTtlSeconds}`;
      const who = from === undefined ? "operator" : nodeText(from);
      return `claim ${claim.vmUuid.slice(0, 4)}/${claim.operationId} ${who}${ttl}`;
    }
    case "heartbeat":
      return `heartbeat ${nodeText(statement.from)}`;
    default:
      return `${method} ${path.replaceAll(/([0-9a-f]{4})[0-9a-f]{4}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "$1")}`;
  }
}

function nodeText({ id, epoch, sequence, leaseSeconds }: ManagementNode): string {
  return `${id}:${epoch}.${sequence}${leaseSeconds === undefined ? "" : ` lease ${leaseSeconds}`}`;
}
