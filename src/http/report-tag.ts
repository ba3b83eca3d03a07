// The tag of a report: two reports with the same tag say the same of every VM. It names the run and
// the content revision, and where libvirt's words are included, those too. What changes with each look
// is not in it: times, reportId, and the skip revision as such.

import { createHash } from "node:crypto";
import type { Agent } from "../agent/agent.ts";
import type { Look } from "../agent/answers.ts";
import { instantText } from "./instants.ts";
import { libvirtView } from "./report-view.ts";
import type { RequestHeaders } from "./route.ts";

/** What a report on a look would be called if it were sent in this turn. */
export interface ReportTag {
  readonly tag: string;
  readonly contentRevision: number;
}

/** @param include what the question asked to be added */
export function reportTag(agent: Agent, look: Look, include: string | undefined): ReportTag {
  const { storeId, agentEpoch } = agent.run;
  const { revision: contentRevision, filtered } = agent.contentOf(look);
  const parts = [storeId, agentEpoch, contentRevision];
  if (include !== undefined) {
    const words = Object.entries(libvirtView(look.judgement.observation, filtered));
    parts.push(digestOf(words));
  }
  return { tag: `"${parts.join(".")}"`, contentRevision };
}

/** libvirt may name its domains in another order each time. */
function digestOf(words: readonly (readonly [string, unknown])[]): string {
  const lines = words.map((entry) => JSON.stringify(entry)).toSorted();
  return createHash("sha256").update(lines.join("\n")).digest("base64url").slice(0, 22);
}

/** Whether a request names a tag in If-None-Match (RFC 9110, 13.1.2). */
export function isNamed(tag: string, headers: RequestHeaders): boolean {
  const text = headers["if-none-match"];
  if (typeof text !== "string") return false;
  return text.trim() === "*" || [...text.matchAll(/"[^"]*"/g)].some(([one]) => one === tag);
}

/** Headers of a report, and of the word that there is no other one. */
export function reportHeaders(
  agent: Agent,
  { judgement, skipRevision }: Look,
  { tag, contentRevision }: ReportTag,
): Record<string, string> {
  const { startedAt, finishedAt } = judgement.observation;
  return {
    etag: tag,
    "vmsyncd-content-revision": String(contentRevision),
    // As in the body: what a mark of a management node is compared with.
    "vmsyncd-skip-revision": String(skipRevision),
    "vmsyncd-skip-revision-now": String(agent.skipRevision),
    "vmsyncd-observation-started-at": instantText(startedAt),
    "vmsyncd-observation-finished-at": instantText(finishedAt),
    "vmsyncd-observation-complete": String(judgement.complete),
  };
}
