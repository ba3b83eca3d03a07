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

  /**
   * Records what libvirt told. Past the bound all is dropped that a look can tell as well: all but
   * that a VM moved away, of which none tells where libvirt does not list it any more.
   */
  put(news: DomainNews, at: Instant): void {
    const heard = { news, at };
    if (this.#dropped === 0 && this.#heard.length < inboxMax) {
      this.#heard.push(heard);
      return;
    }
    if (this.#dropped === 0) this.#keepMigrations();
    if (isMigration(heard) && this.#heard.length < inboxMax) this.#heard.push(heard);
    else this.#dropped += 1;
  }

  /** What was kept, oldest first, and how many were dropped; the inbox is empty then. */
  take(): { readonly heard: readonly HeardNews[]; readonly dropped: number } {
    const taken = { heard: this.#heard, dropped: this.#dropped };
    this.#heard = [];
    this.#dropped = 0;
    return taken;
  }

  #keepMigrations(): void {
    const kept = this.#heard.filter(isMigration);
    this.#dropped += this.#heard.length - kept.length;
    this.#heard = kept;
  }
}

function isMigration({ news }: HeardNews): boolean {
  return news.kind === "stopped" && news.cause === "migrated";
}
