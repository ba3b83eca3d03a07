// Who waits for something to happen: questions that are held, and those who follow the history.

import type { WatchersStatus } from "./answers.ts";
import type { Decisions } from "./decisions.ts";
import { EventFeed, eventConsumersMax } from "./event-feed.ts";
import { type HeldQuestions, heldQuestionsMax } from "./held-questions.ts";
import type { HostWatch } from "./host-watch.ts";
import type { AgentPorts } from "./ports.ts";

export class Watchers {
  readonly held: HeldQuestions;
  readonly events: EventFeed;

  constructor({ store }: Pick<AgentPorts, "store">, watch: HostWatch, decisions: Decisions) {
    this.held = watch.held;
    const { history, run } = decisions.journal;
    this.events = new EventFeed({
      storeId: run.storeId,
      history,
      store,
      lastLook: () => watch.lastLook,
      observe: () => watch.observe(),
      sayingNow: (look, vmUuid) => {
        decisions.pass();
        return watch.sayingNow(look, vmUuid);
      },
    });
  }

  get status(): WatchersStatus {
    const { held, events } = this;
    return {
      heldQuestions: held.size,
      heldQuestionsMax,
      heldQuestionsTotal: held.totals.held,
      heldQuestionsRefusedTotal: held.totals.refused,
      eventConsumers: events.size,
      eventConsumersMax,
      eventConsumersTotal: events.totals.followed,
      eventConsumersRefusedTotal: events.totals.refused,
      eventConsumersCutTotal: events.totals.cut,
      eventsSentTotal: events.totals.sent,
    };
  }

  /** Answers all and holds none from now on: the agent is about to stop. */
  release(): void {
    this.held.release();
    this.events.release();
  }
}
