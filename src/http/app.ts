// The HTTP application apart from its listeners: tests inject requests into it.

import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, { type FastifyInstance } from "fastify";
import type { Agent } from "../agent/agent.ts";
import { acceptJson } from "./json-body.ts";
import { ProblemError, sendProblem, toProblem } from "./problem-reply.ts";
import { routes } from "./routes.ts";

/** Largest body that is read. */
export const bodyBytesMax = 4 * 1024 * 1024;
/** An id of 64 characters, each escaped as four bytes of three characters. */
const pathParameterCharactersMax = 64 * 4 * 3;

export interface AppOptions {
  readonly agent: Agent;
  /** Told of errors that nobody foresaw. */
  readonly onError: (error: Error) => void;
}

const badEscapes = "cannot read the query: its escapes are malformed";

/** Builds the application; call `ready()` before it is used. */
export function buildApp({ agent, onError }: AppOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    routerOptions: { maxParamLength: pathParameterCharactersMax },
    ajv: {
      // A control API refuses what it does not know: no coercion, nothing removed, no defaults.
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false },
    },
    frameworkErrors: (error, request, reply) => {
      sendProblem(reply, toProblem(error, request, onError));
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.removeContentTypeParser("text/plain");
  acceptJson(app);
  app.addHook("onRequest", (request, reply, done) => {
    // A report that someone kept and shows later is a late one.
    reply.header("cache-control", "no-store");
    // The parser of queries takes malformed escapes literally: an owner that nobody has.
    if (isDecodable(queryOf(request.url))) done();
    else done(new ProblemError("invalid-request", badEscapes, { in: "query" }));
  });
  app.setErrorHandler((error: Error, request, reply) =>
    sendProblem(reply, toProblem(error as never, request, onError)),
  );
  app.setNotFoundHandler((request, reply) => {
    const detail = `cannot find ${request.method} ${request.url.split("?")[0]}: there is no such route`;
    return sendProblem(reply, new ProblemError("not-found", detail));
  });
  void app.register(routes, { agent });
  return app;
}

function queryOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? "" : url.slice(mark + 1);
}

function isDecodable(query: string): boolean {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}
