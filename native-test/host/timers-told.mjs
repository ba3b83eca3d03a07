// Loaded into an agent before it starts: tells again and again, in the file that TIMERS_FILE names, how
// many timers keep its event loop going.

import { renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { isMainThread } from "node:worker_threads";

const file = process.env["TIMERS_FILE"];
if (isMainThread && file !== undefined) {
  setInterval(() => {
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    writeFileSync(`${file}.new`, String(timers));
    renameSync(`${file}.new`, file);
  }, 250).unref();
}
