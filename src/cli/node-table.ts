import type { NodeStatus } from "../client/client.ts";
import { tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { roughSpanText } from "./words.ts";

/** Management nodes as a table. */
export function nodeLines(
  nodes: readonly NodeStatus[],
  nowMs: number,
  terminal: Pick<Terminal, "columns">,
): string[] {
  const rows = nodes.map((node) => [
    node.id,
    node.epoch === undefined ? "" : String(node.epoch),
    nodeStateText(node, nowMs),
    String(node.claims.active),
    String(node.claims.orphaned),
    node.lastSeenAt === undefined ? "" : roughly(node.lastSeenAt, nowMs),
    node.configured ? "yes" : "no",
  ]);
  const headings = [
    "MANAGEMENT NODE",
    "EPOCH",
    "STATE",
    "CLAIMS",
    "ORPHANS",
    "SILENT",
    "CONFIGURED",
  ];
  return tableLines(headings, rows, terminal);
}

/** "alive, 2 min left", "departed 3 min ago", "lease over 3 min ago", "never heard" */
export function nodeStateText(node: NodeStatus, nowMs: number): string {
  const { state, leaseRemainingSeconds, departedAt, departureCause } = node;
  switch (state) {
    case "alive":
      if (leaseRemainingSeconds === undefined) return "alive";
      return `alive, ${roughSpanText(leaseRemainingSeconds)} left`;
    case "departed": {
      const how = departureCause === "lease-lapsed" ? "lease over" : "departed";
      return departedAt === undefined ? how : `${how} ${roughly(departedAt, nowMs)} ago`;
    }
    case "never-heard":
      return "never heard";
    default:
      // An agent of a newer version may know more states.
      return String(state satisfies never);
  }
}

/** How long it is since an instant, in its largest unit. */
function roughly(instant: string, nowMs: number): string {
  return roughSpanText(Math.max(0, (nowMs - Date.parse(instant)) / 1000));
}
