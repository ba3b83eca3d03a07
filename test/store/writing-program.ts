// A program that opens a store, writes claims one after the other, and says of each when it is durable.
//
//   writing-program.ts FOLDER FROM TO   claims FROM to TO - 1; TO "ever" goes on until it is killed

import { writeSync } from "node:fs";
import { openStore } from "../../src/store/open.ts";
import { claimBatch } from "./records.ts";

const [folder = "", from = "0", to = "0"] = process.argv.slice(2);
const end = to === "ever" ? Number.POSITIVE_INFINITY : Number(to);

try {
  const { store, past } = await openStore({ folder });
  writeSync(1, `opened ${past.amnesiaReason ?? "intact"} ${past.state?.claims.length ?? 0}\n`);
  for (let index = Number(from); index < end; index += 1) {
    await store.write(claimBatch(index)).then(
      () => writeSync(1, `durable ${index}\n`),
      ({ code, message }: Error & { code: string }) => writeSync(1, `${code} ${message}\n`),
    );
  }
  await store.close(5000);
} catch (error) {
  const { code, message } = error as Error & { code: string };
  writeSync(1, `${code} ${message}\n`);
}
