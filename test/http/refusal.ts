// How a request that is not valid is refused, for tables of such requests.

import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { Api } from "./api.ts";

/** How a request is refused, and whether the state is as it was. */
export async function refusal(api: Api, request: Parameters<Api["send"]>[0]): Promise<object> {
  const before = api.state();
  const { status, body } = await api.send(request);
  const isUnchanged = isDeepStrictEqual(before, api.state());
  return { status, isUnchanged, ...(body as object) };
}

/** The refusal of a field, with nothing changed. */
export const refusedAt = (field: string, part: "body" | "path" | "query") => ({
  status: 400,
  isUnchanged: true,
  type: "urn:vmsyncd:problem:invalid-request",
  title: "The request is not valid",
  detail: expect.stringMatching(/^cannot accept /) as string,
  field,
  in: part,
});
