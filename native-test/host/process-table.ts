import { readdir, readFile } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * The QEMU processes in the process table at `procPath`, as uuid (dashed, lower case) to pid.
 * Deliberately written apart from the agent's own reader: the tests compare the two. It believes
 * the command line alone and may hang on a stuck process, which is good enough for a test.
 */
export async function readQemuProcesses(procPath: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const entry of await readdir(procPath)) {
    if (!/^\d+$/.test(entry)) continue;
    // Empty for a zombie, and absent for a process that ended since the folder was read.
    const commandLine = await readFile(path.join(procPath, entry, "cmdline"), "utf8").catch(
      () => "",
    );
    const [program = "", ...args] = commandLine.split("\0");
    if (!isEmulator(path.basename(program))) continue;
    const uuid = args[args.indexOf("-uuid") + 1];
    if (uuid !== undefined && args.includes("-uuid")) found.set(uuid, Number(entry));
  }
  return found;
}

/** What a test may call an emulator that has not the name of one. */
export const otherEmulator = "vm-runner";

function isEmulator(name: string): boolean {
  return name.startsWith("qemu-system-") || name === otherEmulator;
}

/** The states (letters of proc(5)) of all threads of a process; none once it is gone. */
export function threadStates(pid: number): string[] {
  const tasks = `/proc/${pid}/task`;
  try {
    // A process that ends loses its threads one by one, also between the listing and the reading.
    return readdirSync(tasks).flatMap((thread) => threadState(`${tasks}/${thread}/stat`));
  } catch {
    return [];
  }
}

/** True while a thread of the process runs or is stopped; a zombie is dead. */
export function isAlive(pid: number): boolean {
  return threadStates(pid).some((state) => state !== "Z" && state !== "X");
}

function threadState(statFile: string): string[] {
  try {
    const stat = readFileSync(statFile, "utf8");
    // The command before it stands in parentheses and may hold any character, these too.
    return [stat.charAt(stat.lastIndexOf(")") + 2)];
  } catch {
    return [];
  }
}

/** One process as proc(5) shows it: with its start time a pid means the same process for good. */
export interface ProcessEntry {
  readonly pid: number;
  readonly startTime: string;
  /** Name of its program, cut at 15 characters. */
  readonly comm: string;
}

/** All processes of the table at `procPath` that have not ended; in one go, not to miss any. */
export function readProcesses(procPath: string): ProcessEntry[] {
  return pidsOf(procPath).flatMap((pid) => {
    const stat = readNow(`${procPath}/${pid}/stat`);
    const end = stat.lastIndexOf(")");
    const [state = "Z", ...fields] = stat.slice(end + 2).split(" ");
    if (stat === "" || state === "Z" || state === "X") return [];
    // Start time is field 22, and `fields` begins with field 4.
    const startTime = fields[22 - 4] ?? "";
    return [{ pid, startTime, comm: stat.slice(stat.indexOf("(") + 1, end) }];
  });
}

/** The command lines of all processes of the table at `procPath`, their words parted by NUL. */
export function readCommandLines(procPath: string): string[] {
  return pidsOf(procPath).map((pid) => readNow(`${procPath}/${pid}/cmdline`));
}

function pidsOf(procPath: string): number[] {
  return readdirSync(procPath).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Empty for a process that has ended. */
function readNow(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
