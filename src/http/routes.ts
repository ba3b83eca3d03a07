// Every route of the API in one place: method, path, schemas, and what it asks of the agent.

import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import type { Agent } from "../agent/agent.ts";
import { parseVmUuid, type VmUuid } from "../core/vm-uuid.ts";
import { ProblemError, refusalProblem } from "./problem-reply.ts";
import {
  ClaimAnswer,
  ClaimBody,
  ClaimList,
  ClaimParams,
  type ClaimStatement,
  ContinueAnswer,
  ContinueQuery,
} from "./schema/claims.ts";
import { NoQuery } from "./schema/common.ts";
import { Report, ReportQuery, SyncBody } from "./schema/report.ts";
import { Status } from "./schema/status.ts";
import { claimView, reportView, statusView } from "./views.ts";

type Routes = FastifyPluginAsyncTypebox<{ agent: Agent }>;

/** All routes, as a plugin that is given the agent. */
export const routes: Routes = async (app, options) => {
  app.addHook("onRoute", (route) => {
    route.schema = { querystring: NoQuery, ...route.schema };
  });
  app.addHook("preValidation", refuseUnreadBody);
  await reportRoutes(app, options);
  await claimRoutes(app, options);
};

const reportRoutes: Routes = async (app, { agent }) => {
  app.post(
    "/v1/sync",
    { schema: { body: SyncBody, response: { 200: Report } } },
    async (request, reply) => {
      const { managementNode, skipList, expect = [], include = [] } = request.body;
      const expected = distinctVms(expect, "/expect");
      const list = skipList && distinctClaims(skipList);
      const outcome = list ? agent.applyList(managementNode, list) : agent.contact(managementNode);
      if ("code" in outcome) throw refusalProblem(outcome);
      const look = await agent.observe();
      agent.deliver(look, expected, (report) => {
        reply.send(reportView(agent, report, include, list && outcome.refused));
      });
      return reply;
    },
  );

  app.get(
    "/v1/report",
    { schema: { querystring: ReportQuery, response: { 200: Report } } },
    async (request, reply) => {
      const { include } = request.query;
      const look = await agent.observe();
      agent.deliver(look, [], (report) => {
        reply.send(reportView(agent, report, include === undefined ? [] : [include]));
      });
      return reply;
    },
  );

  app.get("/v1/status", { schema: { response: { 200: Status } } }, async () => {
    return statusView(agent, agent.status());
  });
};

const claimRoutes: Routes = async (app, { agent }) => {
  app.put(
    "/v1/claims/:vmUuid/:operationId",
    { schema: { params: ClaimParams, body: ClaimBody, response: { 200: ClaimAnswer } } },
    async (request) => {
      const { operationId } = request.params;
      const { managementNode, reason, orphanTtlSeconds } = request.body;
      const vmUuid = innerUuid(request.params.vmUuid);
      const statement = { vmUuid, operationId, reason, orphanTtlSeconds };
      const answer = agent.claim(managementNode, statement);
      if ("code" in answer) throw refusalProblem(answer);
      return { claim: claimView(answer.claim), skipRevision: answer.skipRevision };
    },
  );

  app.delete(
    "/v1/claims/:vmUuid/:operationId",
    {
      schema: {
        params: ClaimParams,
        querystring: ContinueQuery,
        response: { 200: ContinueAnswer },
      },
    },
    async (request) => {
      const { operationId } = request.params;
      const key = { vmUuid: innerUuid(request.params.vmUuid), operationId };
      const answer = agent.continueClaim(key, request.query.managementNode);
      if ("code" in answer) throw refusalProblem(answer);
      return { ended: answer.ended.map(claimView), skipRevision: answer.skipRevision };
    },
  );

  app.get("/v1/claims", { schema: { response: { 200: ClaimList } } }, async () => {
    const { claims, skipRevision } = agent.claims();
    return { claims: claims.map(claimView), skipRevision };
  });
};

/**
 * A continue without an owner may end another node's claim, so a body that tries to name the owner
 * must not be passed over.
 */
async function refuseUnreadBody({ body, routeOptions }: FastifyRequest): Promise<void> {
  if (body === undefined || routeOptions.schema?.body !== undefined) return;
  const detail = "cannot accept a body here: say it in the address";
  throw new ProblemError("invalid-request", detail, { field: "", in: "body" });
}

/** A uuid that the schema has accepted, in its inner form. */
function innerUuid(text: string): VmUuid {
  const uuid = parseVmUuid(text);
  if (uuid === undefined) throw new Error(`cannot parse a validated uuid: '${text}'`);
  return uuid;
}

function distinctVms(texts: readonly string[], field: string): VmUuid[] {
  const uuids = texts.map(innerUuid);
  demandDistinct(uuids, field, (uuid) => `VM ${uuid}`);
  return uuids;
}

function distinctClaims(list: readonly ClaimStatement[]): ClaimStatement[] {
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
      const detail = `cannot accept ${field}/${index} in body: ${name(key)} stands there twice`;
      throw new ProblemError("invalid-request", detail, { field: `${field}/${index}`, in: "body" });
    }
    seen.add(key);
  }
}
