// An id that the configuration accepts must be able to speak: a management node that is expected
// and refused would be "never heard" for ever.

import * as fc from "fast-check";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { findKey } from "../../src/config/keys.ts";
import { judgeValue } from "../../src/config/value.ts";
import { ManagementNodeId } from "../../src/http/schema/common.ts";

const isSpoken = new Ajv().compile(ManagementNodeId);

function isConfigured(id: string): boolean {
  const key = findKey("managementNodes");
  return key !== undefined && judgeValue(key.schema, [id]).kind === "valid";
}

test.each([".", "..", "...", "a\u2028b", "\u0085", "\ud800", "", "mn 1", "é", "x".repeat(65)])(
  "%j is accepted by both or by neither",
  (id) => expect(isConfigured(id)).toBe(isSpoken(id)),
);

test("any id is accepted by the configuration and by the API, or by neither", () => {
  const id = fc.string({ unit: "binary", maxLength: 70 });
  fc.assert(
    fc.property(id, (text) => {
      expect(isConfigured(text)).toBe(isSpoken(text));
    }),
  );
});
