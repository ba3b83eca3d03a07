// Planted bugs: small faults in the code under test, each of which some checker has to find. They
// exist only in the memory of the worker that loads the code (bug-hook.ts).

export interface Replacement {
  /** Below src. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface PlantedBug {
  readonly name: string;
  readonly replacements: readonly Replacement[];
}

function bug(name: string, file: string, from: string, to: string): PlantedBug {
  return { name, replacements: [{ file, from, to }] };
}

export const plantedBugs: readonly PlantedBug[] = [
  bug(
    "claims-dropped-on-departure",
    "core/orphaning.ts",
    "...active.map((claim) => orphaned(state, claim, cause, now)),",
    '...active.map((claim): Change => ({ kind: "ended", claim, at: now, cause: "ttl-expired" })),',
  ),
  bug(
    "continue-leaves-the-orphan",
    "core/decide-continue.ts",
    "return claims.filter(({ managementNodeId }) => managementNodeId === owner);",
    "return claims.filter((one) => one.managementNodeId === owner && one.orphan === undefined);",
  ),
  bug(
    "a-set-instead-of-a-count",
    "core/decide-continue.ts",
    "const ended = targets.map((claim) => end(claim, now));",
    `const ended = targets
      .flatMap((target) => state.claimsOn(target.vmUuid).filter((other) => other.managementNodeId === target.managementNodeId))
      .map((claim) => end(claim, now));`,
  ),
  bug(
    "filter-only-at-the-end",
    "core/skip-list.ts",
    "if (first >= 0) for (const claim of this.#ended.slice(first)) add(claim);",
    "",
  ),
  bug(
    "filter-only-at-the-start",
    "core/report.ts",
    "const { live, ended } = skipList.livingSince(startMs);",
    `const { live: all, ended } = skipList.livingSince(startMs);
  const live = new Map([...all]
    .map(([vm, claims]) => [vm, new Set([...claims].filter((claim) => claim.madeAt.ms <= startMs))] as const)
    .filter(([, claims]) => claims.size > 0));`,
  ),
  bug(
    "ttl-on-the-wall-clock",
    "core/passing-time.ts",
    "claim.orphan.expiresAtMs > now.ms",
    "claim.orphan.since.wallMs + claim.orphan.ttlSeconds * 1000 > now.wallMs",
  ),
  bug(
    "answered-before-the-commit",
    "agent/agent.ts",
    "const stored = await applied.stored;",
    "const stored = { durable: true, why: String(applied.stored) };",
  ),
  bug(
    "a-late-claim-revives",
    "core/lateness.ts",
    "return operationContinued({ operationId, vmUuid });",
    "return undefined;",
  ),
  bug(
    "an-older-epoch-is-accepted",
    "core/contact.ts",
    "if (from.epoch < currentEpoch) {",
    "if (from.epoch < currentEpoch && currentEpoch < 0) {",
  ),
  bug(
    "absence-on-an-incomplete-look",
    "core/report.ts",
    "judgement.complete && unknowing.length === 0",
    "unknowing.length === 0",
  ),
  bug(
    "claims-forgotten-at-restart",
    "core/past.ts",
    "for (const claim of stored.claims) {",
    "for (const claim of stored.claims.slice(0, 0)) {",
  ),
  bug(
    "no-amnesia-after-a-lost-store",
    "agent/start.ts",
    "amnesiaReason === undefined ? [] : [beginAmnesia(state, amnesiaReason, now)];",
    "amnesiaReason === undefined ? [] : [beginAmnesia(state, amnesiaReason, now)].slice(0, 0);",
  ),
  bug(
    "amnesia-ended-by-a-stale-list",
    "core/decide-amnesia.ts",
    "if (from.storeId !== run.storeId || from.agentEpoch !== run.agentEpoch) return [];",
    "if (run === undefined) return [];",
  ),
  bug(
    "a-look-older-than-its-question",
    "agent/next-observation.ts",
    "if (this.#running === undefined) return this.#start();",
    "if (this.#running === undefined) return this.#start();\n    else return this.#running;",
  ),
  bug(
    "orphan-ttl-restarted-at-start",
    "core/past.ts",
    "const recalled = shiftMs === 0 ? claim : recallClaim(claim, moved, shiftMs);",
    `const kept = recallClaim(claim, moved, shiftMs);
    const expiresAtMs = now.ms + (kept.orphan?.ttlSeconds ?? 0) * 1000;
    const recalled = { ...kept, orphan: kept.orphan && { ...kept.orphan, expiresAtMs } };`,
  ),
  bug(
    "lease-lapses-while-down",
    "core/past.ts",
    "leaseExpiresAtMs: departed === undefined ? now.ms + leftMs : now.ms,",
    "leaseExpiresAtMs: moved(lastSeenAt).ms + node.leaseSeconds * 1000 + 0 * leftMs,",
  ),
  bug(
    "a-returning-node-is-not-recognised",
    "core/contact.ts",
    "changes.push(...takeBack(state, node));",
    "changes.push(...takeBack(state, node).slice(0, 0));",
  ),
  bug(
    "a-list-ends-a-newer-claim",
    "core/decide-list.ts",
    "live.epoch === from.epoch && live.sequence < from.sequence)",
    "live.epoch === from.epoch)",
  ),
  bug(
    "continue-refused-by-epoch",
    "agent/agent.ts",
    "const decision = decideContinue(this.#state, key, how, this.#decisions.pass());",
    `const epoch = this.#state.managementNode(how.caller?.id ?? "")?.epoch ?? 0;
    const isOld = (how.caller?.epoch ?? epoch) < epoch;
    const stale = { code: "stale-epoch", detail: "cannot continue", currentEpoch: epoch } as const;
    const decision = isOld ? stale : decideContinue(this.#state, key, how, this.#decisions.pass());`,
  ),
  bug(
    "departure-hits-a-newer-epoch",
    "core/decide-departure.ts",
    "node.departed === undefined && epoch >= node.epoch;",
    "node.departed === undefined && epoch >= 0;",
  ),
  bug(
    "a-revision-used-again",
    "agent/start.ts",
    "agentEpoch: (stored?.run.agentEpoch ?? 0) + 1,",
    "agentEpoch: stored?.run.agentEpoch ?? 1,",
  ),
  bug(
    "continue-of-a-vm-ends-others-orphans",
    "core/decide-continue.ts",
    "return orphans && claim.orphan !== undefined;",
    "return claim.orphan !== undefined;",
  ),
  {
    name: "not-a-qemu-for-ever",
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
  },
  bug(
    "a-live-qemu-is-overlooked",
    "core/judgement.ts",
    'if (observation.qemus.has(uuid)) return withheld("qemu-process-alive");',
    "",
  ),
  bug(
    "another-instance-is-accepted",
    "core/contact.ts",
    "from.epoch === currentEpoch && from.instance !== known.instance",
    "from.epoch === currentEpoch && from.instance === undefined",
  ),
  bug(
    "always-withholding",
    "core/report.ts",
    "const unknowing = reasonsNotToKnow(skipList, startMs);",
    'const unknowing = [...reasonsNotToKnow(skipList, startMs), "observation-incomplete" as const];',
  ),
  bug(
    "a-cached-report-is-not-filtered-again",
    "agent/host-watch.ts",
    "shared?.look === look && shared.filterRevision === filterRevision",
    "shared?.look === look",
  ),
  bug(
    "a-replayed-event-says-stop",
    "agent/event-feed.ts",
    "consumer.send(isStopSaying(saying) ? entry : withheldStop(entry, saying));",
    "consumer.send(saying === undefined ? withheldStop(entry, saying) : entry);\n    isStopSaying(saying);",
  ),
  bug(
    "marks-are-not-heeded",
    "client/session/judgement.ts",
    'return isOlder ? "older-than-mark" : undefined;',
    "return isOlder ? undefined : undefined;",
  ),
];

export function plantedBug(name: string): PlantedBug {
  const found = plantedBugs.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = plantedBugs.map((one) => one.name).join(", ");
  throw new Error(`cannot find a planted bug called ${name}; there are ${names}, and none`);
}
