// What our client sees of a libvirtd: the same tests for the simulated and for the real one. Where
// the real one differs, the simulator is wrong.

import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { callConformance } from "./calls.ts";
import type { ConformanceHost } from "./conformance-host.ts";
import { eventConformance } from "./events.ts";
import { outageConformance } from "./outages.ts";
import { readingConformance } from "./reading.ts";
import { Subject } from "./subject.ts";

/** Declares the suite; `openHost` is called once, for a host without domains. */
export function libvirtConformance(title: string, openHost: () => Promise<ConformanceHost>): void {
  describe(`the client on ${title}`, () => {
    let host: ConformanceHost | undefined;
    let subject: Subject | undefined;

    beforeAll(async () => {
      host = await openHost();
      subject = new Subject(host);
    });
    afterEach(() => subject?.clear());
    afterAll(() => host?.[Symbol.asyncDispose]());

    const current = (): Subject => {
      if (subject === undefined) throw new Error("cannot test: the host did not start");
      return subject;
    };
    readingConformance(current);
    eventConformance(current);
    callConformance(current);
    outageConformance(current);
  });
}
