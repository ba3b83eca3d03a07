import type { Agent } from "../agent/agent.ts";
import type * as agentAnswers from "../agent/answers.ts";
import { heldQuestionsMax } from "../agent/held-questions.ts";
import { unnamedId } from "../core/claim.ts";
import { accepted, distinctClaims, distinctVms, speaker, wholeNumber } from "./accepted.ts";
import { ProblemError } from "./problem.ts";
import { isNamed, reportHeaders, reportTag } from "./report-tag.ts";
import { reportText, reportView } from "./report-view.ts";
import { route, type SendAnswer } from "./route.ts";
import { Report, ReportQuery, SyncBody } from "./schema/report.ts";

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
        const view = reportView(agent, report, include, outcome);
        send(view, { text: () => reportText(view) });
      };
      agent.deliver(look, expected, sendIt, from.id);
    },
  }),

  route({
    method: "GET",
    path: "/v1/report",
    schemas: { query: ReportQuery, answer: Report },
    async handle(agent, { query: { include, wait }, headers, onGone }, send) {
      const isKnown = (look: agentAnswers.Look): boolean =>
        isNamed(reportTag(agent, look, include).tag, headers);
      let look: agentAnswers.Look | undefined = await agent.observe();
      if (wait !== undefined && isKnown(look)) {
        const { held } = agent.watchers;
        if (!held.admits()) throw tooManyHeld();
        const untilMs = agent.now().ms + wholeNumber(wait, "/wait") * 1000;
        look = await held.hold(look, isKnown, untilMs, onGone);
      }
      if (look === undefined) return;
      // From here to the sending nothing else can happen: that nothing has changed is said of now.
      if (isKnown(look)) {
        send(undefined, {
          headers: reportHeaders(agent, look, reportTag(agent, look, include)),
        });
        return;
      }
      sendReport(agent, look, include, send);
    },
  }),
];

function sendReport(
  agent: Agent,
  look: agentAnswers.Look,
  include: ReportQuery["include"],
  send: SendAnswer<Report>,
): void {
  const sendIt = (report: agentAnswers.Report): void => {
    const view = reportView(agent, report, include === undefined ? [] : [include]);
    const headers = reportHeaders(agent, look, reportTag(agent, look, include));
    send(view, { headers, text: () => reportText(view) });
  };
  agent.deliver(look, [], sendIt, unnamedId);
}

function tooManyHeld(): ProblemError {
  const detail = `cannot hold the question: ${heldQuestionsMax} others wait for a change already; ask without wait, or again later`;
  return new ProblemError("too-many-held-questions", detail);
}
