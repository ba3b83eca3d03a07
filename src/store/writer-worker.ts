// The thread that writes: the only one that commits.

import { parentPort, workerData } from "node:worker_threads";
import type { StoreBatch } from "../core/records.ts";
import { handedOver } from "./handover.ts";
import { serve } from "./thread-port.ts";
import { StoreWriter, type WriterOptions } from "./writer.ts";

export type WriterRequest =
  | { readonly kind: "begin" }
  | {
      readonly kind: "write";
      readonly batches: readonly StoreBatch[];
      /** The file of the agent's state: a thread that was started anew has to find it again. */
      readonly identity: string | undefined;
    }
  | { readonly kind: "close" };

let writer: StoreWriter | undefined;

function answer(request: WriterRequest): unknown {
  const options = workerData as WriterOptions;
  switch (request.kind) {
    case "begin":
      writer = new StoreWriter(options);
      return handedOver(writer.begin());
    case "write":
      writer ??= new StoreWriter(options, request.identity);
      return writer.write(request.batches);
    case "close":
      return writer?.close();
    default:
      throw new Error(`unreachable: ${JSON.stringify(request satisfies never)}`);
  }
}

if (parentPort !== null) serve(parentPort, (request) => answer(request as WriterRequest));
