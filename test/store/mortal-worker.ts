// The writing thread of the product, but for one thing: some claims end it.

import { StoreWriter } from "../../src/store/writer.ts";

// oxlint-disable-next-line typescript/unbound-method -- it is called on a writer
const { write } = StoreWriter.prototype;
StoreWriter.prototype.write = function (batches) {
  const reasons = batches.flatMap(({ claims }) => claims.put.map(({ reason }) => reason));
  if (reasons.includes("the thread ends")) process.exit();
  return write.call(this, batches);
};

await import("../../src/store/writer-worker.ts");
