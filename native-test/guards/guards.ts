// The guards of the judgement and of the observer: what keeps a living VM from being called stopped
// where libvirt or a look at the processes is wrong, late or unfinished. For each of them, how it is
// taken out, and the native test that must not stay green without it.

import type { PlantedBug, Replacement } from "../../test/sim/bugs.ts";

export interface Guard extends PlantedBug {
  /** What would happen without it. */
  readonly protectsFrom: string;
  /** The file of the test, from the root of the project. */
  readonly test: string;
  /** Which tests of the file: what their titles fit. */
  readonly pattern: string;
  /** Part of what a test says that fails for the lack of this guard. */
  readonly says: string;
}

function out(file: string, from: string, to: string): readonly Replacement[] {
  return [{ file, from, to }];
}

const faults = "native-test/faults";

export const guards: readonly Guard[] = [
  {
    name: "a-stop-needs-the-process-table",
    protectsFrom: "a VM that libvirt calls shut off after its status file was damaged",
    replacements: out(
      "core/judgement.ts",
      'if (observation.qemus.has(uuid)) return withheld("qemu-process-alive");',
      "",
    ),
    test: `${faults}/status-file.test.ts`,
    pattern: "status file is 'truncated'",
    says: '"withheld: qemu-process-alive"',
  },
  {
    name: "absence-needs-the-process-table",
    protectsFrom: "a transient VM that libvirt does not list after its status file was removed",
    replacements: out("core/judgement.ts", "if (verdicts.has(uuid)) continue;", "continue;"),
    test: `${faults}/status-file.test.ts`,
    pattern: "status file is 'removed'",
    says: '"withheld: qemu-process-alive"',
  },
  {
    name: "3/11-is-starting",
    protectsFrom: "a start in progress, whose process is no QEMU yet, taken for something else",
    replacements: out(
      "core/judgement.ts",
      'if (reason === pausedStartingUp) return { state: "Starting" };',
      "",
    ),
    test: "native-test/story.test.ts",
    pattern: "is Starting from the moment at which libvirt lists it",
    says: "to be greater than or equal to 0",
  },
  {
    name: "4/x-is-alive",
    protectsFrom: "a VM that is shutting down taken for one that has stopped",
    replacements: out(
      "core/judgement.ts",
      'return { state: "ShuttingDown" };',
      'return judgeStop("Stopped", uuid, observation, evidence);',
    ),
    test: `${faults}/ends.test.ts`,
    pattern: "4/x is alive",
    says: "what is said while libvirt says 4",
  },
  {
    name: "incomplete-says-no-absent-vm-stopped",
    protectsFrom: "every VM that was asked for by name called stopped while libvirtd is away",
    replacements: out(
      "core/judgement.ts",
      'return judgement.complete ? { state: "Stopped" } : withheld("observation-incomplete");',
      'return { state: "Stopped" };',
    ),
    test: `${faults}/daemon-away.test.ts`,
    pattern: "incomplete look",
    says: "Stopped",
  },
  {
    name: "incomplete-absence-means-nothing",
    protectsFrom: "absence read as a stop while libvirtd is away",
    replacements: out(
      "core/report.ts",
      "judgement.complete && unknowing.length === 0",
      "unknowing.length === 0",
    ),
    test: `${faults}/daemon-away.test.ts`,
    pattern: "incomplete look",
    says: "expected 'stopped' to be 'unknown'",
  },
  {
    name: "incomplete-says-no-listed-vm-stopped",
    protectsFrom: "a VM called stopped by libvirt alone, where the processes cannot be seen",
    replacements: out(
      "core/judgement.ts",
      'if (!isSettled) return withheld("observation-incomplete");',
      "",
    ),
    test: `${faults}/unseen-processes.test.ts`,
    pattern: "hidden processes",
    says: 'Received: "Stopped"',
  },
  {
    name: "hidden-processes-are-noticed",
    protectsFrom: "a process table without a single QEMU believed while libvirt has active domains",
    replacements: out(
      "observer/observer.ts",
      "const processProblem = processes.problem ?? hiddenProcesses(told, processes);",
      "const processProblem = processes.problem;",
    ),
    test: `${faults}/unseen-processes.test.ts`,
    pattern: "hidden processes",
    says: 'Received: "Stopped"',
  },
  {
    name: "active-needs-the-process-table",
    protectsFrom: "a VM called running by libvirt although its QEMU is gone",
    replacements: out("core/judgement.ts", 'return withheld("no-process");', "return { state };"),
    test: `${faults}/unseen-processes.test.ts`,
    pattern: "no process",
    says: "no-process",
  },
  {
    name: "processes-are-read-again",
    protectsFrom: "a VM withheld that started after the processes were read",
    replacements: out(
      "observer/observer.ts",
      "if (isWorthIt && lacksProcess(told, first)) {",
      "if (isWorthIt && lacksProcess(told, first) && leftMs < 0) {",
    ),
    test: `${faults}/late-answer.test.ts`,
    pattern: "second look at processes",
    says: "expected false to be true",
  },
  {
    name: "the-program-counts",
    protectsFrom: "any process with the VM's uuid among its arguments taken for its QEMU",
    replacements: out(
      "observer/qemu-process.ts",
      "if (!qemuProgram.test(program) && !isStartedByLibvirt(words)) return undefined;",
      "",
    ),
    test: `${faults}/lookalikes.test.ts`,
    pattern: "a shell with -uuid",
    says: "qemu-process-alive",
  },
  {
    name: "an-emulator-may-have-any-name",
    protectsFrom: "a QEMU overlooked whose domain names an emulator of another name",
    replacements: out(
      "observer/qemu-process.ts",
      'return words.some((word, at) => word === "-name" && words[at + 1]?.startsWith("guest="));',
      "return words.length < 0;",
    ),
    test: `${faults}/emulator.test.ts`,
    pattern: "emulator of another name",
    says: "withheld: no-process",
  },
  {
    name: "process-1-has-to-be-seen",
    protectsFrom: "a live QEMU called stopped where /proc hides it and libvirt has forgotten it",
    replacements: [
      {
        file: "observer/process-scan.ts",
        from: "if (pids.includes(1)) return pids;",
        to: "if (pids.length >= 0) return pids;",
      },
      {
        file: "observer/process-scan.ts",
        from: "problem ??= hasInit(this.#files, procPath) ? undefined : hiddenText(procPath);",
        to: "",
      },
    ],
    test: `${faults}/hidden-processes.test.ts`,
    pattern: "all there is of them",
    says: "process-table-unreadable",
  },
  {
    name: "a-migration-is-no-stop",
    protectsFrom: "a VM that moved away called stopped where it was, and started a second time",
    replacements: out(
      "core/judgement.ts",
      'return withheld("migrated-away");',
      'return { state: "Stopped" };',
    ),
    test: `${faults}/migration.test.ts`,
    pattern: "that migrates, and back",
    says: "withheld: migrated-away",
  },
  {
    name: "a-vm-that-moved-away-is-named",
    protectsFrom: "the same by its absence, where libvirt does not list it any more",
    replacements: out(
      "core/judgement.ts",
      'verdicts.set(stop.vmUuid, withheld("migrated-away"));',
      "verdicts.delete(stop.vmUuid);",
    ),
    test: `${faults}/migration.test.ts`,
    pattern: "that migrates, and back",
    says: "withheld: migrated-away",
  },
  {
    name: "a-child-of-libvirtd-is-looked-at-again",
    protectsFrom: "a QEMU overlooked for good since it was seen before its exec",
    replacements: [
      {
        file: "observer/process-scan.ts",
        from: "if (known.vmUuid !== undefined || known.comm === comm) return known;",
        to: "return known;",
      },
      {
        file: "observer/process-scan.ts",
        from: "if (vmUuid === undefined && mayBecomeQemu(comm)) return undefined;",
        to: "mayBecomeQemu(comm);",
      },
    ],
    test: `${faults}/start-window.test.ts`,
    pattern: "a child of libvirtd that was looked at",
    says: "cannot wait longer for a complete report",
  },
  {
    name: "one-bulk-call-in-flight",
    protectsFrom: "a libvirtd whose workers all wait for one VM that is being destroyed",
    replacements: out(
      "observer/domain-states.ts",
      "while (this.#bulk !== undefined) {",
      "while (this.#bulk !== undefined && limitMs < 0) {",
    ),
    test: `${faults}/destroyed.test.ts`,
    pattern: "while one VM blocks every list",
    says: "bulk calls under way: expected 2 to be 1",
  },
  {
    name: "domains-one-by-one-when-the-bulk-call-is-late",
    protectsFrom: "every VM of a host unknown for as long as one of them is being destroyed",
    replacements: out(
      "observer/domain-states.ts",
      "const callLimitMs = limitMs * callShare;",
      'const callLimitMs = limitMs * callShare;\n    if (limitMs > 0) return { settled: new Map(), detail: "no round" };',
    ),
    test: `${faults}/destroyed.test.ts`,
    pattern: "while one VM blocks every list",
    says: "expected 'Unknown' to be 'Running'",
  },
  {
    name: "who-does-not-run-is-not-asked-for",
    protectsFrom: "the call for the VM that libvirt waits for, which hangs and leaves no other one",
    replacements: out(
      "observer/domain-round.ts",
      "const asked = known.filter(({ uuid }) => !unresponsive.has(uuid));",
      "const asked = known;",
    ),
    test: `${faults}/destroyed.test.ts`,
    pattern: "while one VM blocks every list",
    says: "expected 'Unknown' to be '",
  },
  {
    name: "who-did-not-run-is-not-asked-for-when-it-is-gone",
    protectsFrom: "the same call made just after libvirt has killed that QEMU at last",
    replacements: out(
      "observer/domain-states.ts",
      "if (seen !== expired) for (const uuid of seen) this.#suspects.add(uuid);",
      `this.#suspects.clear();
    if (seen !== expired) for (const uuid of seen) this.#suspects.add(uuid);`,
    ),
    test: `${faults}/destroyed.test.ts`,
    pattern: "while one VM blocks every list",
    says: "two calls wait in libvirt",
  },
  {
    name: "two-calls-wait-at-most",
    protectsFrom: "another worker of a libvirtd that hangs taken with each question",
    replacements: out(
      "observer/waiting-calls.ts",
      "return this.#underWay < callsMax;",
      "return this.#underWay < callsMax * 1000;",
    ),
    test: `${faults}/waiting-calls.test.ts`,
    pattern: "waiting calls",
    says: "calls that wait",
  },
  {
    name: "a-mass-disappearance-is-doubted",
    protectsFrom: "every VM of a host called stopped when libvirtd has lost its state",
    replacements: out(
      "core/presence.ts",
      "const isMass = unexplained.length >= goneMin &&",
      "const isMass = unexplained.length < 0 &&",
    ),
    test: `${faults}/mass-disappearance.test.ts`,
    pattern: "mass disappearance",
    says: '-   "persistent-0": "withheld: mass-disappearance"',
  },
  {
    name: "a-doubted-vm-is-not-stopped-by-name",
    protectsFrom: "persistent VMs called stopped that are gone in too great a number",
    replacements: out(
      "core/judgement.ts",
      'return doubted.has(uuid) ? withheld("mass-disappearance") : { state };',
      "return doubted.has(uuid) ? { state } : { state };",
    ),
    test: `${faults}/mass-disappearance.test.ts`,
    pattern: "mass disappearance",
    says: '+   "persistent-0": "Crashed"',
  },
  {
    name: "a-doubted-vm-is-not-stopped-by-absence",
    protectsFrom: "transient VMs called stopped that are gone in too great a number",
    replacements: out(
      "core/judgement.ts",
      'if (!verdicts.has(vmUuid)) verdicts.set(vmUuid, withheld("mass-disappearance"));',
      "verdicts.has(vmUuid);",
    ),
    test: `${faults}/mass-disappearance.test.ts`,
    pattern: "mass disappearance",
    says: '-   "transient-0": "withheld: mass-disappearance"',
  },
  {
    name: "a-doubt-needs-time-to-be-settled",
    protectsFrom: "a mass disappearance believed as three looks in a row were wrong the same way",
    replacements: out(
      "core/presence.ts",
      "if (ms - doubt.lookedAtMs < confirmationIntervalMs) return [{ ...doubt, vms }];",
      "",
    ),
    test: `${faults}/mass-disappearance.test.ts`,
    pattern: "mass disappearance",
    // Three looks in a row have believed it before it is asked for.
    says: '-   "persistent-0": "withheld: mass-disappearance"',
  },
  {
    name: "looks-when-libvirt-is-back",
    protectsFrom: "a stop that nobody hears of, since no event told of it and nobody asks",
    replacements: out("agent/agent.ts", "if (news.up) void this.observe();", ""),
    test: `${faults}/reconnect.test.ts`,
    pattern: "list after reconnect",
    says: "cannot wait longer for the history to tell of the stop",
  },
  {
    name: "events-before-the-list",
    protectsFrom: "what happens just after the first look, of which neither look nor event tells",
    replacements: out(
      "libvirt/client.ts",
      "await client.#registerForEvents(domainEventIds.lifecycle);",
      "setTimeout(() => void client.#registerForEvents(domainEventIds.lifecycle), 5000);",
    ),
    test: `${faults}/reconnect.test.ts`,
    pattern: "events before the list",
    says: "undefined to match object",
  },
];

/** @throws if there is none of that name */
export function guardNamed(name: string): Guard {
  const found = guards.find((guard) => guard.name === name);
  if (found !== undefined) return found;
  const names = guards.map((guard) => guard.name).join(", ");
  throw new Error(`cannot find a guard called ${name}; there are ${names}`);
}
