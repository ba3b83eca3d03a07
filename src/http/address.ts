// What an address says, read the same way by whatever serves the routes.

import { ProblemError } from "./problem.ts";

/** An id of 64 characters, each escaped as four bytes of three characters. */
export const pathParameterCharactersMax = 64 * 4 * 3;

/** A parameter that stands there twice has all its values: no schema takes them for one. */
export type QueryValues = Record<string, string | string[]>;

/** The query of an address, without its question mark; "" if there is none. */
export function queryOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? "" : url.slice(mark + 1);
}

/**
 * Refuses a query whose escapes are malformed: parsers take them literally, as an owner that nobody
 * has.
 *
 * @throws ProblemError
 */
export function demandDecodable(query: string): void {
  if (!query.includes("%")) return;
  try {
    decodeURIComponent(query);
  } catch {
    const detail = "cannot read the query: its escapes are malformed";
    throw new ProblemError("invalid-request", detail, { in: "query" });
  }
}

/** The parameters of a query. */
export function parseQuery(query: string): QueryValues {
  // Without a prototype: a parameter may have any name.
  const values = Object.create(null) as QueryValues;
  if (query === "") return values;
  // A plus is a plus (RFC 3986): that of HTML forms would make another owner of "mn+1".
  for (const [name, value] of new URLSearchParams(query.replaceAll("+", "%2B"))) {
    const before = values[name];
    if (before === undefined) values[name] = value;
    else if (typeof before === "string") values[name] = [before, value];
    else before.push(value);
  }
  return values;
}
