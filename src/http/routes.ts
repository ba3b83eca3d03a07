// Every route of the API. What serves them is elsewhere: app.ts by fastify, dispatch.ts without a
// network.

import { agentRoutes } from "./agent-routes.ts";
import { claimRoutes } from "./claim-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { managementNodeRoutes } from "./management-node-routes.ts";
import { reportRoutes } from "./report-routes.ts";
import type { Route } from "./route.ts";

export const routes: readonly Route[] = [
  ...reportRoutes,
  ...claimRoutes,
  ...managementNodeRoutes,
  ...agentRoutes,
  ...eventRoutes,
];
