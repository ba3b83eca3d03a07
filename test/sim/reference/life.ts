// One life of a claim, between bounds: what must be so by what was answered, and what may be so.

import type { ClaimStatement } from "../../../src/http/schema/claims.ts";

export interface Place {
  readonly epoch: number;
  readonly sequence: number;
}

export interface Span {
  readonly least: number;
  readonly most: number;
}

export interface Life {
  readonly vmUuid: string;
  readonly owner: string;
  readonly operationId: string;
  /** Lowest and highest place that it may have. */
  placeLeast: Place;
  placeMost: Place;
  /** Own TTL, milliseconds of the world; undefined: that of its node. */
  ttl: Span | undefined;
  /** It lives from the receipt on. */
  readonly fromMs: number;
  /** Certain from `fromMs` until then; equal to it if it was never certain. */
  mustUntilMs: number;
  /** Possible until then. */
  mayUntilMs: number;
  /** It is an orphan at the earliest so that it expires then; undefined: certainly active. */
  expiresLeastMs: number | undefined;
  /** It is an orphan at the latest so that it expires then; undefined: possibly active. */
  expiresMostMs: number | undefined;
  /** Longest TTL with which it may have become an orphan since it was certainly active. */
  orphanTtlMostMs: number;
  /** When it may expire if its orphaning, which was not durable, has survived all the same. */
  mayExpireMs: number;
  /** An orphan that its node may have taken back: then it became one anew. */
  isPerhapsBack: boolean;
  /** Its node gave it up, so that it is not taken back. */
  isGivenUp: boolean;
  /** It may have been given up, or taken over since it was. */
  isPerhapsGivenUp: boolean;
  /** The last good word of it was not durable. */
  isUnstored: boolean;
  /** Its TTL was over before its node spoke again; nobody was told, so the disk may not know. */
  isExpired: boolean;
  /** Its end was not durable. */
  isEndUnstored: boolean;
  /** A restart of the agent lies in its certain time. */
  hasSurvivedRestart: boolean;
}

export function lifeKey(owner: string, vmUuid: string, operationId: string): string {
  return `${owner} ${vmUuid} ${operationId}`;
}

export function comparePlaces(one: Place, other: Place): number {
  return one.epoch === other.epoch ? one.sequence - other.sequence : one.epoch - other.epoch;
}

export function newLife(
  owner: string,
  claim: ClaimStatement,
  place: Place,
  fromMs: number,
  ttl: Span | undefined,
): Life {
  return {
    vmUuid: claim.vmUuid,
    owner,
    operationId: claim.operationId,
    placeLeast: place,
    placeMost: place,
    ttl,
    fromMs,
    mustUntilMs: Number.POSITIVE_INFINITY,
    mayUntilMs: Number.POSITIVE_INFINITY,
    expiresLeastMs: undefined,
    expiresMostMs: undefined,
    orphanTtlMostMs: 0,
    mayExpireMs: 0,
    isPerhapsBack: false,
    isGivenUp: false,
    isPerhapsGivenUp: false,
    isUnstored: false,
    isExpired: false,
    isEndUnstored: false,
    hasSurvivedRestart: false,
  };
}
