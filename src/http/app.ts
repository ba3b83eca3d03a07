// The routes, served by fastify, apart from its listeners: tests inject requests into it.

import fastify, { type FastifyInstance } from "fastify";
import type { TSchema } from "../schema.ts";
import type { Agent } from "../agent/agent.ts";
import { demandDecodable, parseQuery, pathParameterCharactersMax, queryOf } from "./address.ts";
import { acceptJson } from "./json-body.ts";
import { noSuchRoute } from "./problem.ts";
import { sendProblem, toProblem } from "./problem-reply.ts";
import { type Route, refuseUnreadBody } from "./route.ts";
import { routes } from "./routes.ts";
import { validatorOf } from "./validators.ts";

/** Largest body that is read. */
export const bodyBytesMax = 4 * 1024 * 1024;

export interface AppOptions {
  readonly agent: Agent;
  /** Told of errors that nobody foresaw. */
  readonly onError: (error: Error) => void;
}

/** Builds the application; call `ready()` before it is used. */
export function buildApp({ agent, onError }: AppOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    routerOptions: {
      maxParamLength: pathParameterCharactersMax,
      querystringParser: parseQuery,
    },
    frameworkErrors: (error, request, reply) => {
      sendProblem(reply, toProblem(error, request, onError));
    },
  });

  app.setValidatorCompiler<TSchema>(({ schema }) => validatorOf(schema));
  app.removeContentTypeParser("text/plain");
  acceptJson(app);
  app.addHook("onRequest", (request, reply, done) => {
    // A report that someone kept and shows later is a late one.
    reply.header("cache-control", "no-store");
    demandDecodable(queryOf(request.url));
    done();
  });
  app.setErrorHandler((error: Error, request, reply) =>
    sendProblem(reply, toProblem(error as never, request, onError)),
  );
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, noSuchRoute(request.method, request.url)),
  );
  void app.register(async (scope) => {
    scope.addHook("preValidation", async ({ body, routeOptions }) => {
      refuseUnreadBody(routeOptions.schema?.body, body);
    });
    for (const route of routes) serve(scope, agent, route);
  });
  return app;
}

function serve(app: FastifyInstance, agent: Agent, { method, path, schemas, handle }: Route): void {
  app.route({
    method,
    url: path,
    schema: {
      querystring: schemas.query,
      ...(schemas.params && { params: schemas.params }),
      ...(schemas.body && { body: schemas.body }),
      response: { 200: schemas.answer },
    },
    handler: async ({ params, query, body }, reply) => {
      // Neither this nor the serialization of fastify lets go of the thread before it is sent (G1).
      await handle(agent, { params, query, body }, (answer) => void reply.send(answer));
      return reply;
    },
  });
}
