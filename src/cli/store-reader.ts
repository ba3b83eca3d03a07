// The answers of an agent that is down, from its store: the same shapes, with what has passed since
// its last write taken into account.

import type { ClaimFilter, ClaimList, History, HistoryFilter, NodeList } from "../client/client.ts";
import type { StoreSettings } from "../config/store-settings.ts";
import { ReadOnlyStore, StoreError, type StoredState } from "../store/read-only.ts";
import type { Reader } from "./command.ts";
import { type HostTime, readHostTime } from "./host-time.ts";
import { type ClaimClock, claimOfStore, entryOfStore, nodeOfStore } from "./store-views.ts";

const historyLimitDefault = 100;
/** No run has it: it is lower than every skip revision that an agent gives out. */
const noRevision = 0;

export class StoreReader implements Reader, Disposable {
  readonly #store: ReadOnlyStore;
  readonly #state: StoredState;
  readonly #settings: StoreSettings;
  readonly #clock: ClaimClock;

  private constructor(store: ReadOnlyStore, state: StoredState, settings: StoreSettings) {
    this.#store = store;
    this.#state = state;
    this.#settings = settings;
    const time = readHostTime();
    this.#clock = {
      ms: storeTimeMs(state.checkpoint, time),
      wallMs: time.wallMs,
      staleAfterMs: settings.claimAgeWarningSeconds * 1000,
    };
  }

  /**
   * Undefined: there is no store, or nothing was ever written to it.
   *
   * @throws StoreError if there is one that cannot be read
   */
  static open(settings: StoreSettings): StoreReader | undefined {
    let store: ReadOnlyStore;
    try {
      store = ReadOnlyStore.open(settings.folder);
    } catch (error) {
      if (error instanceof StoreError && error.code === "no-store") return undefined;
      throw error;
    }
    try {
      const state = store.state();
      if (state !== undefined) return new StoreReader(store, state, settings);
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
    store[Symbol.dispose]();
    return undefined;
  }

  /** When the agent last wrote its state; RFC 3339. */
  get writtenAt(): string {
    return new Date(this.#state.checkpoint.wallMs).toISOString();
  }

  async claims({ vmUuid, managementNode }: ClaimFilter = {}): Promise<ClaimList> {
    const claims = this.#liveClaims().filter((claim) => {
      const isOnVm = vmUuid === undefined || claim.vmUuid === vmUuid;
      return isOnVm && (managementNode === undefined || claim.managementNode === managementNode);
    });
    return { claims, skipRevision: noRevision, agent: this.#run() };
  }

  async managementNodes(): Promise<NodeList> {
    const nodes = new Map(this.#state.nodes.map((node) => [node.id, node]));
    const ids = new Set([...this.#settings.managementNodes, ...nodes.keys()]);
    const claims = Map.groupBy(this.#liveClaims(), ({ managementNode }) => managementNode);
    const managementNodes = [...ids].map((id) =>
      nodeOfStore(id, nodes.get(id), {
        isConfigured: this.#settings.managementNodes.includes(id),
        claims: claims.get(id) ?? [],
      }),
    );
    return { managementNodes, agent: this.#run() };
  }

  async history(filter: HistoryFilter = {}): Promise<History> {
    const { vmUuid, managementNode: managementNodeId, before } = filter;
    const limit = filter.limit ?? historyLimitDefault;
    // One more than is wanted tells whether there is a next page.
    const found = this.#store.history({ vmUuid, managementNodeId, before, limit: limit + 1 });
    const entries = found.slice(0, limit).map(entryOfStore);
    const last = entries.at(-1);
    return found.length > limit && last !== undefined ? { entries, next: last.id } : { entries };
  }

  /** Those whose TTL is over by now have ended, though no agent has written that down. */
  #liveClaims(): ClaimList["claims"] {
    const isLive = ({ orphan }: StoredState["claims"][number]): boolean =>
      orphan === undefined || orphan.expiresAtMs > this.#clock.ms;
    return this.#state.claims.filter(isLive).map((claim) => claimOfStore(claim, this.#clock));
  }

  #run(): ClaimList["agent"] {
    const { storeId, agentEpoch } = this.#state.run;
    return { storeId, epoch: agentEpoch };
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }
}

/**
 * Now, on the boot-time clock of the store's instants. Across a boot it is the wall clock that tells
 * how long ago the last write was, a backward step counting as none.
 */
function storeTimeMs(
  { bootId, bootMs, wallMs }: StoredState["checkpoint"],
  time: HostTime,
): number {
  if (bootId === time.bootId && time.bootMs >= bootMs) return time.bootMs;
  return bootMs + Math.max(0, time.wallMs - wallMs);
}
