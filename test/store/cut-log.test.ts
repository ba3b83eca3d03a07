// Power loss as SQLite sees it: the write-ahead log ends anywhere, or with anything. What opens then
// is the state after some first batches, all those whose commit is in the log and no others.

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StoreBatch } from "../../src/core/records.ts";
import { defaultHistoryRetention } from "../../src/store/history.ts";
import { StoreWriter } from "../../src/store/writer.ts";
import { batch, claim, comparable, entry, stateAfter } from "./records.ts";

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
const headerBytes = 32;
const frameHeaderBytes = 24;
const frameBytes = frameHeaderBytes + 4096;

/** In memory where that is possible: some thousand starts are made, and none is about the disk. */
const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const retention = defaultHistoryRetention;

/** Each adds a claim, changes one, and removes one. */
function batchAt(index: number): StoreBatch {
  const put = [claim(index), claim(0, { reason: `changed by ${index}` })];
  const remove = index > 2 ? [claim(index - 1)] : [];
  return batch({ claims: { put, remove }, history: [entry(index)] });
}

const written = [1, 2, 3, 4, 5, 6].map(batchAt);
let base: string;
let log: Buffer;
/** Where each commit ends in the log; the first is that of the tables. */
let commitEnds: number[];

beforeAll(() => {
  base = mkdtempSync(path.join(parent, "vmsyncd-cut-"));
  const writer = new StoreWriter({ folder: base, retention });
  writer.begin();
  for (const one of written) writer.write([one]);
  copyFileSync(path.join(base, "store.db"), path.join(base, "copy"));
  log = readFileSync(path.join(base, "store.db-wal"));
  writer.close();
  commitEnds = [];
  for (let at = headerBytes; at < log.length; at += frameBytes) {
    // Size of the database after the commit, 0 in the frames before the last.
    if (log.readUInt32BE(at + 4) !== 0) commitEnds.push(at + frameBytes);
  }
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Opens the store with another log and returns what is wrong with what it finds. */
function faultOf(cutLog: Buffer, intactBytes: number): string | undefined {
  const folder = mkdtempSync(path.join(parent, "vmsyncd-cut-"));
  try {
    copyFileSync(path.join(base, "copy"), path.join(folder, "store.db"));
    writeFileSync(path.join(folder, "store.db-wal"), cutLog);
    const writer = new StoreWriter({ folder, retention });
    const { past } = writer.begin();
    const { failures } = writer.write([batchAt(9)]);
    writer.close();
    const commits = commitEnds.filter((end) => end <= intactBytes).length;
    const expected = stateAfter(written.slice(0, Math.max(0, commits - 1)));
    expect(comparable(past.state)).toEqual(comparable(expected));
    expect(past.amnesiaReason).toBe(expected === undefined ? "new-store" : undefined);
    expect(failures).toEqual([undefined]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every eighth of a page, and the ends of headers, frames and commits with their neighbours. */
function cuts(): number[] {
  const offsets = new Set<number>();
  for (let at = 0; at <= log.length; at += 512) offsets.add(at);
  for (let at = headerBytes; at <= log.length; at += frameBytes) {
    for (const near of [-1, 0, 1, frameHeaderBytes - 1, frameHeaderBytes, frameHeaderBytes + 1]) {
      offsets.add(at + near);
    }
  }
  return [...offsets].filter((at) => at >= 0 && at <= log.length).toSorted((a, b) => a - b);
}

test("the log holds the tables and every batch, each with its own commit", () => {
  expect(commitEnds).toHaveLength(written.length + 1);
});

test("a log that is cut at any offset opens as the state after the batches before the cut", () => {
  const faults = cuts().map((at) => [at, faultOf(log.subarray(0, at), at)] as const);
  expect(faults.length).toBeGreaterThan(300);
  expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([]);
}, 60_000);

test("a log whose end was never written, but filled with zeros or with noise, opens as well", () => {
  const faults: (readonly [number, string | undefined])[] = [];
  for (let at = headerBytes; at < log.length; at += frameBytes / 2) {
    for (const filling of [0, 0xa5]) {
      const torn = Buffer.from(log).fill(filling, at);
      // A filling may happen to be what was there: the first byte of it must not.
      torn.writeUInt8(torn.readUInt8(at) === log.readUInt8(at) ? filling ^ 0xff : filling, at);
      faults.push([at, faultOf(torn, at)]);
    }
  }
  expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([]);
}, 60_000);
