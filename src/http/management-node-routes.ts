import { operatorId } from "../core/claim.ts";
import { accepted, runOf, speaker, wholeNumber } from "./accepted.ts";
import { nodeView } from "./management-node-view.ts";
import { fieldProblem, ProblemError } from "./problem.ts";
import { route } from "./route.ts";
import * as schema from "./schema/management-nodes.ts";

export const managementNodeRoutes = [
  route({
    method: "PUT",
    path: "/v1/management-nodes/:id",
    schemas: {
      params: schema.NodeParams,
      body: schema.HeartbeatBody,
      answer: schema.HeartbeatAnswer,
    },
    async handle(agent, { params, body }, send) {
      const from = speaker(agent, body.managementNode);
      if (from.id !== params.id) {
        throw fieldProblem("/managementNode/id", "body", "must be the id of the path");
      }
      const { node, durable } = accepted(await agent.heartbeat(from));
      send({ managementNode: nodeView(agent, node), durable, agent: runOf(agent) });
    },
  }),

  route({
    method: "GET",
    path: "/v1/management-nodes",
    schemas: { answer: schema.NodeList },
    handle(agent, _request, send) {
      const managementNodes = agent.managementNodes().map((node) => nodeView(agent, node));
      send({ managementNodes, agent: runOf(agent) });
    },
  }),

  route({
    method: "GET",
    path: "/v1/management-nodes/:id",
    schemas: { params: schema.NodeParams, answer: schema.NodeStatus },
    handle(agent, { params }, send) {
      const node = agent.managementNodes().find(({ id }) => id === params.id);
      if (node === undefined) {
        const detail = `cannot find management node ${params.id}: it is neither configured nor was it heard`;
        throw new ProblemError("not-found", detail);
      }
      send(nodeView(agent, node));
    },
  }),

  route({
    method: "DELETE",
    path: "/v1/management-nodes/:id",
    schemas: {
      params: schema.NodeParams,
      query: schema.DepartQuery,
      answer: schema.DepartAnswer,
    },
    async handle(agent, { params, query }, send) {
      const epoch = wholeNumber(query.epoch, "/epoch");
      const answer = await agent.depart(params.id, epoch, query.caller ?? operatorId);
      const { departed, orphaned, durable, skipRevision } = answer;
      send({ departed, orphaned, durable, skipRevision, agent: runOf(agent) });
    },
  }),
];
