import type { Report } from "../client/client.ts";
import { amnesiaReasonText, spanText } from "./words.ts";

type Amnesia = NonNullable<Report["amnesia"]>;

/** What lasts, why, and until when. */
export function amnesiaText({ reason, remainingSeconds, waitingFor }: Amnesia): string {
  const left = spanText(remainingSeconds * 1000);
  const lists = waitingFor.length === 1 ? "the whole list" : "the whole lists";
  const are = waitingFor.length === 1 ? "is" : "are";
  const sooner =
    waitingFor.length === 0 ? "" : `, or when ${lists} of ${waitingFor.join(", ")} ${are} here`;
  return `NOTHING IS CALLED STOPPED: claims may be unknown, because ${amnesiaReasonText(reason)}; ends in ${left}${sooner}`;
}
