import { type Static, Type } from "../../schema.ts";
import { Durable, Id, strict } from "./common.ts";

export const EndAmnesiaQuery = strict(
  { caller: Type.Optional(Id("Who asks; absent: operator")) },
  "Who ends it",
);
export type EndAmnesiaQuery = Static<typeof EndAmnesiaQuery>;

export const EndAmnesiaAnswer = strict(
  { ended: Type.Boolean({ description: "false: there was none" }), durable: Durable },
  "Outcome of ending amnesia",
);
export type EndAmnesiaAnswer = Static<typeof EndAmnesiaAnswer>;
