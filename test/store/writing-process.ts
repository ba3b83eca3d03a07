// The writing program as a child process.

import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import { type Ending, Program } from "../daemon/program.ts";

export const writingProgram = fileURLToPath(new URL("./writing-program.ts", import.meta.url));

/** Writes claims FROM, FROM + 1, ... until it is killed. */
export function startWriting(folder: string, from: number, uid?: number): Program {
  const args = [folder, String(from), "ever"];
  return Program.node(writingProgram, args, uid === undefined ? {} : { uid });
}

/** Writes one claim and ends in order. */
export async function writeInAnotherProcess(
  folder: string,
  index: number,
  uid?: number,
): Promise<Ending> {
  const args = [folder, String(index), String(index + 1)];
  await using program = Program.node(writingProgram, args, uid === undefined ? {} : { uid });
  return await program.ended;
}

/** Waits until a writing program has called so many claims durable, and kills it. */
export async function killAfter(program: Program, durableMin: number): Promise<void> {
  await vi.waitFor(
    () => expect(durableIndexes(program.out).length).toBeGreaterThanOrEqual(durableMin),
    { timeout: 25_000, interval: 1 },
  );
  await program[Symbol.asyncDispose]();
}

/** Indexes of the claims of which a writing program said that they are durable. */
export function durableIndexes(out: string): number[] {
  return [...out.matchAll(/^durable (\d+)$/gm)].map(([, index]) => Number(index));
}
