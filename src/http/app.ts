// The routes, served by fastify, apart from its listeners: tests inject requests into it.

import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { TSchema } from "../schema.ts";
import type { Agent } from "../agent/agent.ts";
import { demandDecodable, parseQuery, pathParameterCharactersMax, queryOf } from "./address.ts";
import { EventStream, type StreamLimits, streamLimits } from "./event-stream.ts";
import { acceptJson } from "./json-body.ts";
import { noSuchRoute } from "./problem.ts";
import { sendProblem, toProblem } from "./problem-reply.ts";
import { type AnswerHead, type Route, refuseUnreadBody } from "./route.ts";
import { routes } from "./routes.ts";
import { validatorOf } from "./validators.ts";

/** Largest body that is read. */
export const bodyBytesMax = 4 * 1024 * 1024;

export interface AppOptions {
  readonly agent: Agent;
  /** Told of errors that nobody foresaw. */
  readonly onError: (error: Error) => void;
  /** For tests. */
  readonly streams?: StreamLimits;
}

/** Builds the application; call `ready()` before it is used. */
export function buildApp({ agent, onError, streams }: AppOptions): FastifyInstance {
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
    for (const route of routes) serve(scope, agent, route, streams ?? streamLimits);
  });
  return app;
}

function serve(app: FastifyInstance, agent: Agent, route: Route, streams: StreamLimits): void {
  const { method, path, schemas, handle, produces } = route;
  app.route({
    method,
    url: path,
    // A stream has no end at which its head could be told.
    exposeHeadRoute: produces === undefined,
    schema: {
      querystring: schemas.query,
      ...(schemas.params && { params: schemas.params }),
      ...(schemas.body && { body: schemas.body }),
      response: { 200: schemas.answer },
    },
    handler: async ({ params, query, body, headers }, reply) => {
      const onGone = (leave: () => void): void => void reply.raw.once("close", leave);
      const openStream = (): EventStream => {
        reply.hijack();
        return new EventStream(reply.raw, agent, streams);
      };
      // Neither this nor the serialization of fastify lets go of the thread before it is sent (G1).
      const request = { params, query, body, headers, onGone, openStream };
      await handle(agent, request, (answer, head) => send(reply, answer, head));
      return reply;
    },
  });
}

function send(reply: FastifyReply, answer: unknown, { headers, text }: AnswerHead = {}): void {
  if (headers !== undefined) reply.headers(headers);
  if (answer === undefined) reply.code(304).send();
  else if (text === undefined) reply.send(answer);
  else reply.type("application/json; charset=utf-8").send(text());
}
