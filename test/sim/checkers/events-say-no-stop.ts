// G1, G8 and G9 for events: none that can be read as a stop is told of a VM of which a report that
// was sent at that moment could not say it.

import type { Checker } from "./checker.ts";

const stopKinds: readonly string[] = ["vm-stopped", "stop-said", "stop-acknowledged"];

export const eventsSayNoStop: Checker = {
  guarantee: "G1",
  event({ host, entry, look, sentAtMs }, { claims, amnesia }, world, fail) {
    const { vmUuid, kind, id } = entry;
    if (vmUuid === undefined || !stopKinds.includes(kind)) return;
    for (const life of claims.livesOn(vmUuid)) {
      const isOver = claims.certainUntil(life) <= look.startedAtMs;
      if (isOver || life.fromMs >= sentAtMs || life.mustUntilMs <= life.fromMs) continue;
      const claim = `${life.owner}/${life.operationId} lived from ${Math.round(life.fromMs)} ms`;
      fail("G1", `${host} tells ${kind} of ${vmUuid} in event ${id} although ${claim}`);
    }
    const { startedAtMs, finishedAtMs } = look;
    if (world.host(host).hadQemuThroughout(vmUuid, startedAtMs, finishedAtMs)) {
      fail("G8", `${host} tells ${kind} of ${vmUuid} in event ${id} although its QEMU lives`);
    }
    if (amnesia.isCertainIn(startedAtMs)) {
      fail("G9", `${host} tells ${kind} of ${vmUuid} in event ${id} in spite of amnesia`);
    }
  },
};
