// What the writer's thread found at the start, on its way to the agent: the state goes as JSON, for ten
// thousand claims arrive in half the time that clones of them take.

import type { StoredState } from "../core/records.ts";
import type { StoredPast } from "./begin.ts";

export interface BegunStoreAnswer {
  readonly past: Pick<StoredPast, "amnesiaReason" | "detail">;
  readonly stateText: string | undefined;
  readonly identity: string | undefined;
  readonly canWrite: boolean;
}

export interface FoundStore {
  readonly past: StoredPast;
  readonly identity: string | undefined;
  readonly canWrite: boolean;
}

export function handedOver({ past, identity, canWrite }: FoundStore): BegunStoreAnswer {
  const { state, ...rest } = past;
  return { past: rest, stateText: state && JSON.stringify(state), identity, canWrite };
}

export function takenOver({ past, stateText, identity, canWrite }: BegunStoreAnswer): FoundStore {
  const state = stateText === undefined ? {} : { state: JSON.parse(stateText) as StoredState };
  return { past: { ...past, ...state } as StoredPast, identity, canWrite };
}
