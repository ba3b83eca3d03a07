import type { Checker } from "./checker.ts";
import { eventsSayNoStop } from "./events-say-no-stop.ts";
import { neverFalselyStopped } from "./g1-never-falsely-stopped.ts";
import { acknowledgedIsDurable } from "./g2-acknowledged-is-durable.ts";
import { departureDropsNothing } from "./g3-departure-drops-nothing.ts";
import { orphansEnd } from "./g4-orphans-end.ts";
import { continueWorks } from "./g5-continue-works.ts";
import { lateMessagesAreHarmless } from "./g6-late-messages-are-harmless.ts";
import { absenceIsNoEvidence } from "./g7-absence-is-no-evidence.ts";
import { liveQemuIsNeverStopped } from "./g8-live-qemu-is-never-stopped.ts";
import { amnesiaIsDeclared } from "./g9-amnesia-is-declared.ts";
import { stopsAreFound } from "./g10-stops-are-found.ts";
import { everythingIsExplained } from "./g11-everything-is-explained.ts";
import { nothingRunsTwice } from "./nothing-runs-twice.ts";
import { revisionsRise } from "./revisions-rise.ts";

/** Every checker, fresh for one world. */
export function checkers(): Checker[] {
  return [
    neverFalselyStopped,
    eventsSayNoStop,
    acknowledgedIsDurable,
    departureDropsNothing,
    orphansEnd,
    continueWorks,
    lateMessagesAreHarmless,
    absenceIsNoEvidence,
    liveQemuIsNeverStopped,
    amnesiaIsDeclared,
    stopsAreFound,
    nothingRunsTwice,
    everythingIsExplained(),
    revisionsRise(),
  ];
}
