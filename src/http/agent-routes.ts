import type { Report } from "../agent/answers.ts";
import { operatorId } from "../core/claim.ts";
import { innerUuid, wholeNumber } from "./accepted.ts";
import { historyEntryView } from "./history-view.ts";
import { route } from "./route.ts";
import { explainView } from "./explain-view.ts";
import { ExplainParams, Explanation } from "./schema/explain.ts";
import { EndAmnesiaAnswer, EndAmnesiaQuery } from "./schema/amnesia.ts";
import { History, HistoryQuery, historyLimitDefault } from "./schema/history.ts";
import { Status } from "./schema/status.ts";
import { statusView } from "./status-view.ts";

/** Entries of the history that an explanation brings along. */
const explainHistoryMax = 20;

export const agentRoutes = [
  route({
    method: "GET",
    path: "/v1/status",
    schemas: { answer: Status },
    handle(agent, _request, send) {
      send(statusView(agent, agent.status()));
    },
  }),

  route({
    method: "GET",
    path: "/v1/history",
    schemas: { query: HistoryQuery, answer: History },
    async handle(agent, { query }, send) {
      const { vmUuid, managementNode: managementNodeId, before, limit } = query;
      const wanted = limit === undefined ? historyLimitDefault : wholeNumber(limit, "/limit");
      const found = await agent.history({
        vmUuid: vmUuid && innerUuid(vmUuid),
        managementNodeId,
        before: before === undefined ? undefined : wholeNumber(before, "/before"),
        // One more than is wanted tells whether there is a next page.
        limit: wanted + 1,
      });
      const entries = found.slice(0, wanted).map(historyEntryView);
      const last = entries.at(-1);
      const hasMore = found.length > wanted && last !== undefined;
      send(hasMore ? { entries, next: last.id } : { entries });
    },
  }),

  route({
    method: "GET",
    path: "/v1/explain/:vmUuid",
    schemas: { params: ExplainParams, answer: Explanation },
    async handle(agent, { params }, send) {
      const vmUuid = innerUuid(params.vmUuid);
      const history = await agent.history({ vmUuid, limit: explainHistoryMax });
      const look = await agent.observe();
      const explain = (report: Report): void => {
        send(explainView(agent, vmUuid, report, agent.knownOf(vmUuid), history));
      };
      // Nobody acts on it: what it says of a stop is not said to a management node.
      agent.deliver(look, [vmUuid], explain, undefined);
    },
  }),

  route({
    method: "DELETE",
    path: "/v1/amnesia",
    schemas: { query: EndAmnesiaQuery, answer: EndAmnesiaAnswer },
    async handle(agent, { query }, send) {
      const { ended, durable } = await agent.endAmnesia(query.caller ?? operatorId);
      send({ ended, durable });
    },
  }),
];
