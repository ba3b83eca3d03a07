import type * as agentAnswers from "../agent/answers.ts";
import { unnamedId } from "../core/claim.ts";
import { accepted, distinctClaims, distinctVms, speaker } from "./accepted.ts";
import { route } from "./route.ts";
import { Report, ReportQuery, SyncBody } from "./schema/report.ts";
import { reportView } from "./report-view.ts";

export const reportRoutes = [
  route({
    method: "POST",
    path: "/v1/sync",
    schemas: { body: SyncBody, answer: Report },
    async handle(agent, { body }, send) {
      const { skipList, expect = [], include = [], acknowledges } = body;
      const from = speaker(agent, body.managementNode);
      const expected = distinctVms(expect, "/expect");
      const list = skipList && distinctClaims(skipList);
      const outcome = accepted(await agent.sync(from, list));
      if (acknowledges !== undefined) agent.acknowledge(acknowledges, from.id);
      const look = await agent.observe();
      const sendIt = (report: agentAnswers.Report): void => {
        send(reportView(agent, report, include, outcome));
      };
      agent.deliver(look, expected, sendIt, from.id);
    },
  }),

  route({
    method: "GET",
    path: "/v1/report",
    schemas: { query: ReportQuery, answer: Report },
    async handle(agent, { query: { include } }, send) {
      const look = await agent.observe();
      const sendIt = (report: agentAnswers.Report): void => {
        send(reportView(agent, report, include === undefined ? [] : [include]));
      };
      agent.deliver(look, [], sendIt, unnamedId);
    },
  }),
];
