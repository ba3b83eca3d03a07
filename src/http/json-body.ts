// How a body becomes a value. JSON is UTF-8 (RFC 8259): a decoder that mends what is not would make
// one id of two, and the end of one claim the end of both.

import type { FastifyInstance } from "fastify";
import { isOverbuilt } from "./json-shape.ts";
import { ProblemError } from "./problem.ts";

/** Reads bodies of type application/json; others are refused by the lack of a parser. */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    (request, bytes: Buffer, done) => {
      // Many HTTP libraries name a media type on every request, and a continue always works.
      if (bytes.length === 0 && request.method === "DELETE") {
        done(null, undefined);
        return;
      }
      if (isOverbuilt(bytes)) {
        const detail = "cannot read the body: it is nested too deeply, or has too many parts";
        done(new ProblemError("invalid-request", detail, { in: "body" }));
        return;
      }
      let text: string;
      try {
        text = utf8.decode(bytes);
      } catch {
        done(new ProblemError("malformed-json", "cannot read the body: it is not UTF-8"));
        return;
      }
      void parse(request, text, done);
    },
  );
}
