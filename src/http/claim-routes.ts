import type { Agent } from "../agent/agent.ts";
import type { ContinueAnswer } from "../agent/answers.ts";
import { accepted, callerOf, innerUuid, runOf, speaker } from "./accepted.ts";
import { claimView } from "./claim-view.ts";
import { fieldProblem } from "./problem.ts";
import { route } from "./route.ts";
import * as schema from "./schema/claims.ts";

export const claimRoutes = [
  route({
    method: "PUT",
    path: "/v1/claims/:vmUuid/:operationId",
    schemas: { params: schema.ClaimParams, body: schema.ClaimBody, answer: schema.ClaimAnswer },
    async handle(agent, { params, body }, send) {
      const { managementNode, operator, reason, orphanTtlSeconds } = body;
      const { operationId } = params;
      const vmUuid = innerUuid(params.vmUuid);
      const statement = { vmUuid, operationId, reason, orphanTtlSeconds };
      if (managementNode !== undefined && operator !== undefined) {
        throw fieldProblem("/operator", "body", "must not be there beside managementNode");
      }
      if (managementNode === undefined && operator === undefined) {
        throw fieldProblem("/managementNode", "body", "must be there, or operator in its place");
      }
      const outcome =
        managementNode === undefined
          ? await agent.claimAsOperator(statement)
          : await agent.claim(speaker(agent, managementNode), statement);
      const { claim, skipRevision } = accepted(outcome);
      send({ claim: claimView(agent, claim), skipRevision, agent: runOf(agent) });
    },
  }),

  route({
    method: "DELETE",
    path: "/v1/claims/:vmUuid/:operationId",
    schemas: {
      params: schema.ClaimParams,
      query: schema.ContinueQuery,
      answer: schema.ContinueAnswer,
    },
    async handle(agent, { params, query }, send) {
      const { operationId } = params;
      const { managementNode: owner, outcome } = query;
      const key = { vmUuid: innerUuid(params.vmUuid), operationId };
      const how = { owner, caller: callerOf(query), outcome };
      send(continueView(agent, accepted(await agent.continueOperation(key, how))));
    },
  }),

  route({
    method: "DELETE",
    path: "/v1/claims/:vmUuid",
    schemas: {
      params: schema.VmParams,
      query: schema.ContinueVmQuery,
      answer: schema.ContinueAnswer,
    },
    async handle(agent, { params, query }, send) {
      const how = { caller: callerOf(query), orphans: query.orphans === "true" };
      const outcome = await agent.continueVm(innerUuid(params.vmUuid), how);
      send(continueView(agent, accepted(outcome)));
    },
  }),

  route({
    method: "GET",
    path: "/v1/claims",
    schemas: { query: schema.ClaimsQuery, answer: schema.ClaimList },
    handle(agent, { query }, send) {
      const vmUuid = query.vmUuid && innerUuid(query.vmUuid);
      const { claims, skipRevision } = agent.claims();
      const wanted = claims.filter((claim) => {
        const isOfVm = vmUuid === undefined || claim.vmUuid === vmUuid;
        const { managementNode: owner } = query;
        return isOfVm && (owner === undefined || claim.managementNodeId === owner);
      });
      const views = wanted.map((claim) => claimView(agent, claim));
      send({ claims: views, skipRevision, agent: runOf(agent) });
    },
  }),
];

function continueView(agent: Agent, answer: ContinueAnswer): schema.ContinueAnswer {
  const { ended, orphaned, durable, skipRevision } = answer;
  return {
    ended: ended.map((claim) => claimView(agent, claim)),
    orphaned: orphaned.map((claim) => claimView(agent, claim)),
    durable,
    skipRevision,
    agent: runOf(agent),
  };
}
