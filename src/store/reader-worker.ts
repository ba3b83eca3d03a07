// The thread that reads the history, beside the one that writes: a page is there at once, however
// long a flush takes.

import { parentPort, workerData } from "node:worker_threads";
import type { HistoryQuery, StoredHistoryEntry } from "../core/history.ts";
import { connectReader, type Reading } from "./connect.ts";
import { databaseFile, identityOf, logFile } from "./files.ts";
import { readHistory } from "./history.ts";
import { versionOf } from "./schema.ts";
import { serve } from "./thread-port.ts";

export interface ReaderOptions {
  readonly folder: string;
}

const { folder } = workerData as ReaderOptions;
let reading: Reading | undefined;
let identity: string | undefined;

function answer(query: HistoryQuery): StoredHistoryEntry[] {
  const file = databaseFile(folder);
  if (identityOf(file) === undefined) return []; // none could be made yet
  // A connection whose log was removed would look for new pages in the old one.
  const present = `${identityOf(file)} ${identityOf(logFile(file))}`;
  if (reading !== undefined && (reading.isSnapshot || identity !== present)) {
    reading[Symbol.dispose]();
    reading = undefined;
  }
  identity = present;
  reading ??= connectReader(folder);
  if (versionOf(reading.database) === 0) return []; // its making did not come to its end
  return readHistory(reading.database, query);
}

if (parentPort !== null) serve(parentPort, (query) => answer(query as HistoryQuery));
