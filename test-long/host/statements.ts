// What the tests of one agent say to it.

import { randomUUID } from "node:crypto";
import type { ManagementNode, VmsyncdClient } from "../../src/client/client.ts";
import { ApiError } from "../../src/client/errors.ts";

/** A management node that says one thing after another. */
export class Speaker {
  readonly #client: VmsyncdClient;
  readonly #id: string;
  readonly #instance = randomUUID();
  #sequence = 0;
  #operations = 0;

  constructor(client: VmsyncdClient, id = "mn-1") {
    this.#client = client;
    this.#id = id;
  }

  get node(): ManagementNode {
    this.#sequence += 1;
    return { id: this.#id, epoch: 1, instance: this.#instance, sequence: this.#sequence };
  }

  /** Claims a VM. @returns its uuid, and the code of the refusal if there was one */
  async claim(): Promise<{ vmUuid: string; operationId: string; refused: string | undefined }> {
    const vmUuid = randomUUID();
    this.#operations += 1;
    const operationId = `start-${this.#operations}`;
    const body = { managementNode: this.node, reason: "start" };
    try {
      await this.#client.claim(vmUuid, operationId, body);
      return { vmUuid, operationId, refused: undefined };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { vmUuid, operationId, refused: error.code };
    }
  }

  /** Claims that are answered 2xx. @returns the VMs' uuids */
  async claimMany(count: number): Promise<string[]> {
    const claims = await Promise.all(Array.from({ length: count }, () => this.claim()));
    const refused = claims.filter(({ refused: code }) => code !== undefined);
    if (refused.length > 0) throw new Error(`cannot claim: ${refused[0]?.refused}`);
    return claims.map(({ vmUuid }) => vmUuid);
  }
}

/** The VMs that have claims. */
export async function claimedVms(client: VmsyncdClient): Promise<string[]> {
  const { claims } = await client.claims();
  return claims.map(({ vmUuid }) => vmUuid);
}
