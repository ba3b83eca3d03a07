// What schemas cannot say of a request, and its values in the form that the agent takes.

import type { Agent } from "../agent/agent.ts";
import type { Refusal } from "../core/refusal.ts";
import { parseVmUuid, type VmUuid } from "../core/vm-uuid.ts";
import { fieldProblem, refusalProblem } from "./problem.ts";
import type { ClaimStatement } from "./schema/claims.ts";
import type { AgentRun, ManagementNode } from "./schema/common.ts";

/** A uuid that the schema has accepted, in its inner form. */
export function innerUuid(text: string): VmUuid {
  const uuid = parseVmUuid(text);
  if (uuid === undefined) throw new Error(`cannot parse a validated uuid: '${text}'`);
  return uuid;
}

/**
 * What the agent did.
 *
 * @throws ProblemError if it refused
 */
export function accepted<T extends object>(outcome: T | Refusal): T {
  if ("code" in outcome) throw refusalProblem(outcome);
  return outcome;
}

/** Who speaks; how long a lease may be is the operator's choice, so no schema says it. */
export function speaker({ policy }: Agent, managementNode: ManagementNode): ManagementNode {
  const { leaseSeconds } = managementNode;
  if (leaseSeconds !== undefined && leaseSeconds > policy.leaseSecondsMax) {
    const why = `must be <= ${policy.leaseSecondsMax}, this agent's leaseSecondsMax`;
    throw fieldProblem("/managementNode/leaseSeconds", "body", why);
  }
  return managementNode;
}

/** A number of a query; it arrives as text. */
export function wholeNumber(text: string, field: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  throw fieldProblem(field, "query", `must be <= ${Number.MAX_SAFE_INTEGER}`);
}

interface CallerQuery {
  readonly caller?: string;
  readonly callerEpoch?: string;
  readonly callerSequence?: string;
}

/** Who asks for a continue, if it says so. */
export function callerOf({ caller: id, callerEpoch, callerSequence }: CallerQuery) {
  if (id === undefined) {
    if (callerEpoch === undefined && callerSequence === undefined) return undefined;
    throw fieldProblem("/caller", "query", "must be there to say whose epoch and sequence it is");
  }
  return {
    id,
    ...(callerEpoch !== undefined && { epoch: wholeNumber(callerEpoch, "/callerEpoch") }),
    ...(callerSequence !== undefined && {
      sequence: wholeNumber(callerSequence, "/callerSequence"),
    }),
  };
}

/** The run of the agent, as answers carry it. */
export function runOf({ run }: Agent): AgentRun {
  return { storeId: run.storeId, epoch: run.agentEpoch };
}

/** VMs, each named once. */
export function distinctVms(texts: readonly string[], field: string): VmUuid[] {
  const uuids = texts.map(innerUuid);
  demandDistinct(uuids, field, (uuid) => `VM ${uuid}`);
  return uuids;
}

/** A list, each claim named once. */
export function distinctClaims(list: readonly ClaimStatement[]): ClaimStatement[] {
  const inner = list.map((entry) => ({ ...entry, vmUuid: innerUuid(entry.vmUuid) }));
  const keys = inner.map(({ vmUuid, operationId }) => `${operationId} on ${vmUuid}`);
  demandDistinct(keys, "/skipList", (key) => `operation ${key}`);
  return inner;
}

function demandDistinct(
  keys: readonly string[],
  field: string,
  name: (key: string) => string,
): void {
  const seen = new Set<string>();
  for (const [index, key] of keys.entries()) {
    if (seen.has(key)) {
      throw fieldProblem(`${field}/${index}`, "body", `${name(key)} stands there twice`);
    }
    seen.add(key);
  }
}
