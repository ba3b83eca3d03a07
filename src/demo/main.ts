// What `npm start` runs: the agent on the embedded simulator with the story of the problem, or,
// told so with --libvirt, on a real libvirt. It never takes the simulator by itself.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VmsyncdClient } from "../client/client.ts";
import { loadConfig } from "../config/load.ts";
import { wrap } from "../config/wrap.ts";
import { LogOutput, openLog } from "../log.ts";
import { type Daemon, startDaemon } from "../main.ts";
import { Simulator } from "../simulator/simulator.ts";
import { playStory, storyNodes } from "./story.ts";

const usage = `Usage: npm start                                 the story, on an embedded simulator
       npm start -- --libvirt PATH_OF_SOCKET     the agent on a real libvirt
       npm start -- --libvirt PATH_OF_SOCKET --observation-proc-path PATH
                                                 the same, with processes elsewhere than in /proc`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Starts what the arguments ask for, and ends it again on Ctrl-C. */
async function demo(argv: readonly string[]): Promise<void> {
  if (argv.includes("--help")) {
    say(usage);
    return;
  }
  // Before there is anything that a signal could leave behind.
  const interrupted = nextSignal();
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-demo-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const simulator = argv.length === 0 ? stack.use(await Simulator.start({ folder })) : undefined;
  const flags = simulator === undefined ? realFlags(argv) : storyFlags(simulator);
  const daemon = stack.use(await start(folder, flags, simulator === undefined ? "info" : "error"));
  if (simulator !== undefined) await tellStory(folder, simulator);
  for (const line of invitation(daemon, simulator === undefined)) say(line);
  await interrupted;
  say("\nStopping.");
}

function storyFlags({ socketPath: libvirtSocket, procPath }: Simulator): string[] {
  const nodes = Object.values(storyNodes).join(",");
  return [
    `--libvirt-socket=${libvirtSocket}`,
    `--observation-proc-path=${procPath}`,
    "--host-id=demo-host",
    `--management-nodes=${nodes}`,
  ];
}

/** The flags of the daemon for a real libvirt; `--libvirt` is short for `--libvirt-socket`. */
function realFlags(argv: readonly string[]): string[] {
  const flags = argv.map((word) => word.replace(/^--libvirt(?==|$)/, "--libvirt-socket"));
  if (flags.some((flag) => flag.startsWith("--libvirt-socket"))) return flags;
  throw new Error(`cannot start the demo: expected --libvirt PATH_OF_SOCKET; see --help`);
}

function start(folder: string, flags: readonly string[], level: string): Promise<Daemon> {
  // A configuration file of its own, so that the demo does not depend on the one of this host.
  const file = path.join(folder, "config.yaml");
  const http = { socket: socketPath(folder), listen: "127.0.0.1:0" };
  writeFileSync(file, JSON.stringify({ http, store: { folder: path.join(folder, "store") } }));
  const config = loadConfig({ argv: ["--config", file, ...flags], environment: {} });
  return startDaemon(config, openLog(level, new LogOutput(process.stdout.fd)));
}

function socketPath(folder: string): string {
  return path.join(folder, "vmsyncd.sock");
}

async function tellStory(folder: string, { domains }: Simulator): Promise<void> {
  await using client = new VmsyncdClient({ socketPath: socketPath(folder) });
  let line = 0;
  say("The story that this agent is for, played on a simulated host:\n");
  await playStory({
    client,
    domains,
    tell: (text) => {
      if (!text.startsWith(" ")) line += 1;
      say(wrapped(text.startsWith(" ") ? "" : String(line), text.trim()));
    },
  });
}

/** A line of the story, behind its number; columns beyond 100 are hard to read. */
function wrapped(number: string, text: string): string {
  const columns = Math.min(process.stdout.columns || 100, 100);
  const [first = "", ...more] = wrap(text, "    ", columns);
  return [`${number.padStart(3)}${first.slice(3)}`, ...more].join("\n");
}

function invitation(daemon: Daemon, isReal: boolean): string[] {
  const [socket = "", tcp = ""] = daemon.addresses;
  return [
    "",
    `The agent stays up on ${isReal ? "your libvirt" : "the simulated host"}.`,
    "Try, in another terminal, in this folder:",
    "",
    `  export VMSYNCD_HTTP_SOCKET=${socket}`,
    "  node_modules/.bin/node bin/vmsyncctl.mjs report",
    "  node_modules/.bin/node bin/vmsyncctl.mjs status",
    "  curl --unix-socket $VMSYNCD_HTTP_SOCKET http://localhost/v1/report",
    `  curl http://${tcp}/v1/status`,
    "",
    "Ctrl-C ends it.",
  ];
}

function nextSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // Not once: a signal to the whole process group arrives a second time through bin/setup.mjs, and
  // would end the process before it has put everything away.
  process.on("SIGINT", () => resolve());
  process.on("SIGTERM", () => resolve());
  process.on("SIGHUP", () => resolve());
  return promise;
}

try {
  await demo(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
