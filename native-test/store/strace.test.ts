// The order of flush and answer, seen from outside: a write is acknowledged after a flush of the log
// that began after its last write to the log.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { StoreFolder } from "../../test/store/folder.ts";
import { durableIndexes, writingProgram } from "../../test/store/writing-process.ts";

const calls = "trace=write,pwrite64,pwritev,fsync,fdatasync";

/** Why strace cannot be used here; undefined if it can. */
function whyNoStrace(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-f", "true"], { encoding: "utf8" });
  if (error !== undefined) return "strace is not installed";
  return status === 0 ? undefined : `strace does not work here: ${stderr.slice(0, 100)}`;
}

interface Verdict {
  /** Acknowledgements, and those that came too early. */
  readonly acknowledged: number;
  readonly early: readonly string[];
}

/**
 * Reads what `strace -f -y` wrote. A call that another thread interrupts stands on two lines, of
 * which the first is its beginning and the second its end.
 */
function verdictOf(trace: string): Verdict {
  let isLogFlushed = true;
  let acknowledged = 0;
  const early: string[] = [];
  /** Threads in a flush of the log, and whether the log was written since the flush began. */
  const flushing = new Map<string, { isOutdated: boolean }>();
  for (const line of trace.split("\n")) {
    const [, pid = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const isResumed = /^<\.\.\. f(data)?sync resumed>/.test(rest);
    if (/^pwrite\w*\(\d+<[^>]*store\.db-wal>/.test(rest)) {
      isLogFlushed = false;
      for (const flush of flushing.values()) flush.isOutdated = true;
    } else if (/^f(data)?sync\(\d+<[^>]*store\.db-wal>/.test(rest) || isResumed) {
      const flush = flushing.get(pid) ?? { isOutdated: false };
      if (!isResumed) flushing.set(pid, flush);
      if (rest.includes("unfinished")) continue;
      flushing.delete(pid);
      if (rest.endsWith("= 0") && !flush.isOutdated) isLogFlushed = true;
    } else if (/^write\(1<.*"durable /.test(rest)) {
      acknowledged += 1;
      if (!isLogFlushed) early.push(line);
    }
  }
  return { acknowledged, early };
}

const whyNot = whyNoStrace();

describe.skipIf(whyNot !== undefined)(
  `acknowledged after the flush${whyNot === undefined ? "" : ` (skipped: ${whyNot})`}`,
  () => {
    test("every write is, as strace sees it", async () => {
      await using folder = new StoreFolder();
      const trace = path.join(folder.path, "trace");
      const count = 25;
      const program = [process.execPath, writingProgram, folder.path, "0", String(count)];
      const args = ["-f", "-y", "-s", "64", "-e", calls, "-o", trace, ...program];
      const { stdout } = spawnSync("strace", args, { encoding: "utf8" });
      expect(durableIndexes(stdout)).toHaveLength(count);
      expect(verdictOf(readFileSync(trace, "utf8"))).toEqual({ acknowledged: count, early: [] });
    });

    test("a flush that fails is no acknowledgement, and the store goes on", async () => {
      await using folder = new StoreFolder();
      const program = [process.execPath, writingProgram, folder.path, "0", "12"];
      const fault = "inject=fsync,fdatasync:error=EIO:when=9..12";
      const trace = path.join(folder.path, "trace");
      const args = [
        "-f",
        "-y",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        fault,
        "-o",
        trace,
        ...program,
      ];
      const { stdout } = spawnSync("strace", args, { encoding: "utf8" });
      expect(readFileSync(trace, "utf8")).toContain("EIO (Input/output error) (INJECTED)");
      const failures = [
        ...stdout.matchAll(/^failed cannot write to the store: disk I\/O error$/gm),
      ];
      expect(failures.length).toBeGreaterThan(0);
      const durable = durableIndexes(stdout);
      expect(durable.at(-1)).toBe(11);
      expect(durable.length + failures.length).toBe(12);
      const { past } = await folder.open();
      const stored = past.state?.claims.map(({ sequence }) => sequence) ?? [];
      expect(stored.toSorted((a, b) => a - b)).toEqual(durable);
    });
  },
);

describe("the checker finds an acknowledgement", () => {
  const wal = "pwrite64(20</x/store.db-wal>, ..., 24, 32) = 24";
  const flush = "fdatasync(20</x/store.db-wal>) = 0";
  const said = 'write(1<pipe:[1]>, "durable 1\\n", 10) = 10';

  test.each([
    ["without a flush", [wal, said], 1],
    ["before the flush", [wal, said, flush], 1],
    ["after the flush of another file", [wal, "fsync(21</x/store.db>) = 0", said], 1],
    ["after a write behind the flush", [wal, flush, wal, said], 1],
    ["after a flush that failed", [wal, "fsync(20</x/store.db-wal>) = -1 EIO (error)", said], 1],
    [
      "after a flush that began before the write",
      ["fsync(20</x/store.db-wal> <unfinished ...>", `8 ${wal}`, "<... fsync resumed>) = 0", said],
      1,
    ],
    ["that is in order", [wal, flush, said, wal, wal, flush, said], 0],
    [
      "that is in order, and interrupted",
      [wal, "fsync(20</x/store.db-wal> <unfinished ...>", "<... fsync resumed>) = 0", said],
      0,
    ],
  ])("%s", (_, lines, count) => {
    const trace = lines.map((line) => (/^\d/.test(line) ? line : `7 ${line}`)).join("\n");
    expect(verdictOf(trace).early).toHaveLength(count);
  });
});
