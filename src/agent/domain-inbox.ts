// What libvirt told of VMs and nobody has acted on yet. An event is recorded and the loop is woken:
// libvirt may tell of a thousand domains while the agent answers, and each has to be cheap then.

import type { Instant } from "../core/instant.ts";
import type { DomainNews } from "./ports.ts";

export interface HeardNews {
  readonly news: DomainNews;
  readonly at: Instant;
}

/** News that are kept; a host has some thousand VMs at most, and all of them may end at once. */
export const inboxMax = 10_000;

export class DomainInbox {
  #heard: HeardNews[] = [];
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#heard.length === 0 && this.#dropped === 0;
  }

  /** Records what libvirt told; past the bound everything is dropped: only a look can tell then. */
  put(news: DomainNews, at: Instant): void {
    if (this.#dropped === 0 && this.#heard.length < inboxMax) {
      this.#heard.push({ news, at });
      return;
    }
    this.#dropped += this.#heard.length + 1;
    this.#heard = [];
  }

  /** Everything, oldest first, and how many were dropped; the inbox is empty then. */
  take(): { readonly heard: readonly HeardNews[]; readonly dropped: number } {
    const taken = { heard: this.#heard, dropped: this.#dropped };
    this.#heard = [];
    this.#dropped = 0;
    return taken;
  }
}
