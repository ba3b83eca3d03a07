// The composition root: the only place where adapters meet.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent } from "./agent/agent.ts";
import type { DomainNews, LibvirtNews, LibvirtStatus, Log } from "./agent/ports.ts";
import { bootTimeClock } from "./clock.ts";
import { listenAddress } from "./config/address.ts";
import { requestedPage } from "./config/command-line.ts";
import { processEnvironment } from "./config/environment.ts";
import { helpText } from "./config/help.ts";
import { loadConfig, settingSource } from "./config/load.ts";
import { ConfigError } from "./config/problem.ts";
import type { Config } from "./config/schema.ts";
import { causeOfEvent } from "./core/stop.ts";
import { buildApp } from "./http/app.ts";
import { type ListenAddress, type Listener, listen, refuseServed } from "./http/listeners.ts";
import type { DomainEvent } from "./libvirt/codec/messages.ts";
import { lifecycleEvents, startedByMigration } from "./libvirt/codec/protocol.ts";
import { LibvirtLink, type LinkState } from "./libvirt/link.ts";
import { SocketDiscovery } from "./libvirt/socket-discovery.ts";
import { LogOutput, openLog } from "./log.ts";
import { DomainStates } from "./observer/domain-states.ts";
import { Observer } from "./observer/observer.ts";
import { ProcessTable } from "./observer/process-table.ts";
import { within } from "./observer/within.ts";
import { openStore } from "./store/open.ts";

const exitCodes = { ok: 0, failed: 1, badConfiguration: 78 } as const;

/** Time to write the last lines of the log in, before the process ends. */
const logDrainMs = 1_000;
/** Time between two looks at the clock: an orphan ends within one second of its TTL. */
const tickMs = 250;
/** Time in which those who were just answered speak again, so that they share the next write. */
const gatherMs = 2;
/** Time from the signal on until the store is given up: a busy disk is no hung one. */
const storeCloseMs = 5_000;

export interface Daemon extends AsyncDisposable {
  /** Where it listens: paths and ADDRESS:PORT. */
  readonly addresses: readonly string[];
  /** Threads that hang in the kernel, on a process or a disk. */
  readonly hungThreads: () => number;
}

const clock = bootTimeClock();

function soon(run: () => void, gather: boolean): void {
  if (gather) setTimeout(run, gatherMs);
  else setImmediate(run);
}

/** Version of this program. */
export function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * Starts the agent: from its return on it answers, whether libvirt does or not.
 *
 * @param socketSetBy what set the path of the socket, for the errors
 */
export async function startDaemon(config: Config, log: Log, socketSetBy?: string): Promise<Daemon> {
  const addresses = listenAddresses(config, socketSetBy);
  // Before a store is made for an agent that will not serve.
  for (const where of addresses) await refuseServed(where);
  const { store, past } = await openStore(config.store);
  let onNews = (_news: DomainNews): void => {};
  let onLibvirt = (_news: LibvirtNews): void => {};
  const { domainStates, libvirtStatus, startLibvirt, stopLibvirt } = libvirtOf(config, log, {
    onEvent: (event) => {
      const news = newsOf(event);
      if (news !== undefined) onNews(news);
    },
    onLibvirt: (news) => onLibvirt(news),
  });
  const processes = new ProcessTable(config.observation.procPath);
  const ports = { now: () => clock.now(), domains: domainStates, processes };
  let isStoreHung = false;
  let closeBy: number | undefined;
  const listeners: Listener[] = [];
  const stack = new AsyncDisposableStack();
  stack.defer(async () => {
    const leftMs = closeBy === undefined ? storeCloseMs : closeBy - performance.now();
    isStoreHung = !(await store.close(Math.max(0, leftMs)));
  });
  stack.defer(() => processes[Symbol.asyncDispose]());
  stack.defer(stopLibvirt);
  try {
    const agent = await Agent.start(
      {
        clock,
        log,
        observer: new Observer(ports, config.observation.limitMs),
        libvirt: { status: libvirtStatus },
        store,
        soon,
        newId: randomUUID,
      },
      { host: { id: config.hostId, bootId: readBootId() }, version: version() },
      { ...config.claims, managementNodes: config.managementNodes },
      past,
    );
    const { backgroundSeconds } = config.observation;
    onNews = (news) => agent.noteDomain(news);
    onLibvirt = (news) => agent.noteLibvirt(news);
    const ticking = setInterval(() => {
      agent.tick();
      agent.observeAfter(backgroundSeconds * 1000);
    }, tickMs);
    stack.defer(async () => {
      closeBy = performance.now() + storeCloseMs;
      await within(closeBy, agent.stop());
      clearInterval(ticking);
    });
    const onError = (error: Error): void => log.warn({ err: error }, "a request failed");
    const app = buildApp({ agent, onError });
    stack.defer(() => app.close());
    stack.defer(() => closeAll(listeners, agent));
    await app.ready();
    for (const where of addresses) listeners.push(await listen(app, where));
    startLibvirt();
    processes.prepare();
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return {
    addresses: listeners.map(({ address }) => address),
    hungThreads: () => processes.hungWorkers + (isStoreHung ? 1 : 0),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function closeAll(listeners: readonly Listener[], { watchers }: Agent): Promise<void> {
  // Those that wait for a change are answered: else the closing would wait for them.
  watchers.release();
  await Promise.all(listeners.map((listener) => listener.close()));
}

function listenAddresses(config: Config, setBy: string | undefined): ListenAddress[] {
  const unix: ListenAddress = { kind: "unix", path: config.http.socket, setBy };
  if (config.http.listen === undefined) return [unix];
  return [unix, { kind: "tcp", ...listenAddress(config.http.listen) }];
}

/** What an event tells of starts and stops; undefined: nothing. */
function newsOf(event: DomainEvent): DomainNews | undefined {
  if (event.kind !== "lifecycle") return undefined;
  const { uuid: vmUuid } = event.domain;
  switch (event.event) {
    case lifecycleEvents.started:
      return { kind: "started", vmUuid, isIncoming: event.detail === startedByMigration };
    // Its processors run again, here: also when its memory has come from another host.
    case lifecycleEvents.resumed:
      return { kind: "resumed", vmUuid };
    case lifecycleEvents.stopped:
      return { kind: "stopped", vmUuid, cause: causeOfEvent(event.detail) };
    default:
      return undefined;
  }
}

interface LibvirtPorts {
  readonly onEvent: (event: DomainEvent) => void;
  readonly onLibvirt: (news: LibvirtNews) => void;
}

/**
 * Least time between two attempts to open the second connection. One that gets no answer is given
 * up by closing it, and then nobody knows whether it still keeps a worker of libvirt busy.
 */
const secondConnectIntervalMs = 5_000;

/** Two connections: what is asked on the second one is answered while a bulk call hangs. */
function libvirtOf(config: Config, log: Log, { onEvent, onLibvirt }: LibvirtPorts) {
  let domainEvents = 0;
  const { socket, stepTimeoutMs, keepaliveIntervalSeconds, keepaliveCount } = config.libvirt;
  const options = {
    stepLimitMs: stepTimeoutMs,
    keepalive: { intervalMs: keepaliveIntervalSeconds * 1000, count: keepaliveCount },
  };
  const link = new LibvirtLink(new SocketDiscovery(socket), {
    ...options,
    onDomainEvent: (event) => {
      domainEvents += 1;
      domainStates.hear(event);
      log.info({ event }, "domain event");
      onEvent(event);
    },
    onChange: (state) => {
      logLink(state, log);
      onLibvirt(newsOfLink(state));
    },
  });
  // Opened when it is needed for the first time, and kept from then on.
  const second = new LibvirtLink(new SocketDiscovery(socket), {
    ...options,
    backOff: { firstMs: secondConnectIntervalMs, maxMs: 60_000 },
    demandIntervalMs: secondConnectIntervalMs,
  });
  const domainStates = new DomainStates(link, second);
  const libvirtStatus = (): LibvirtStatus => {
    const { state } = link;
    const now = clock.now();
    const agoMs = performance.now() - state.sinceMs;
    const since = { ms: now.ms - agoMs, wallMs: now.wallMs - agoMs };
    const { bulkCalls, abandonedCalls, abandonedCallsTotal } = domainStates;
    const counts = { bulkCalls, domainEvents, abandonedCalls, abandonedCallsTotal };
    if (state.up) return { up: true, socket: state.socket, since, counts };
    const { cause } = state;
    return { up: false, code: String(cause.code), detail: cause.message, since, counts };
  };
  const stopLibvirt = (): void => {
    link.stop();
    second.stop();
  };
  return { domainStates, libvirtStatus, startLibvirt: () => link.start(), stopLibvirt };
}

function newsOfLink(state: LinkState): LibvirtNews {
  if (state.up) return { up: true, socket: state.socket };
  return { up: false, code: String(state.cause.code), detail: state.cause.message };
}

function logLink(state: LinkState, log: Log): void {
  if (state.up) log.info({ socket: state.socket }, "libvirt is up");
  else log.warn({ code: state.cause.code, detail: state.cause.message }, "libvirt is down");
}

/** Identity of this boot of the host; changes with each (random(4)). */
function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** The program `vmsyncd`: reads the configuration, starts, and ends on SIGTERM, SIGINT or SIGHUP. */
export async function main(argv: readonly string[]): Promise<void> {
  const page = requestedPage(argv);
  if (page !== undefined) {
    process.stdout.write(page === "help" ? helpText() : `vmsyncd ${version()}\n`);
    return;
  }
  const sources = { argv, environment: processEnvironment() };
  let config: Config;
  try {
    config = loadConfig(sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    fail(error.message, exitCodes.badConfiguration);
    return;
  }
  const output = new LogOutput(process.stdout.fd);
  const log = openLog(config.log.level, output);
  try {
    const daemon = await startDaemon(config, log, settingSource(sources, "http.socket"));
    log.info({ version: version(), listen: daemon.addresses, hostId: config.hostId }, "started");
    stopOnSignal(daemon, log, output);
  } catch (error) {
    fail(`cannot start vmsyncd: ${(error as Error).message}`, exitCodes.failed);
  }
}

function stopOnSignal(daemon: Daemon, log: Log, output: LogOutput): void {
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "stopping");
    // A second signal ends the process at once: the first handler is gone.
    void stopDaemon(daemon, log, output);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  // The terminal that it was started in is gone; the configuration is read at a start only.
  process.once("SIGHUP", stop);
}

async function stopDaemon(daemon: Daemon, log: Log, output: LogOutput): Promise<void> {
  try {
    await daemon[Symbol.asyncDispose]();
  } catch (error) {
    fail(`cannot stop cleanly: ${(error as Error).message}`, exitCodes.failed);
  }
  const threads = daemon.hungThreads();
  if (threads > 0) log.warn({ threads }, "killing this process: its threads hang");
  const isLogWritten = await output.drained(logDrainMs);
  // Node waits for its threads, and one that hangs in the kernel ends only with the process.
  if (threads > 0 || !isLogWritten) process.kill(process.pid, "SIGKILL");
}

function fail(message: string, exitCode: number): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = exitCode;
}
