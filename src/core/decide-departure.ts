// A management node is said to be gone.

import type { Decision } from "./decide.ts";
import type { Instant } from "./instant.ts";
import { depart } from "./orphaning.ts";
import type { SkipListView } from "./skip-list.ts";

/**
 * The departure of an epoch of a management node. One that is not known, is gone already, or has
 * been started anew since is left as it is.
 */
export function decideDeparture(
  state: SkipListView,
  managementNodeId: string,
  epoch: number,
  now: Instant,
): Decision {
  const node = state.managementNode(managementNodeId);
  const isMeant = node !== undefined && node.departed === undefined && epoch >= node.epoch;
  return { changes: isMeant ? depart(state, node, "departed", now) : [], refused: [] };
}
