// A management node that says whatever comes to its mind: new claims and old ones again, lists,
// continues of its own and of others' operations, departures, from older epochs and as another
// process. What it says is always well formed; whether it is right is for the agent to find out.

import type { Exchange } from "../../../src/client/exchange.ts";
import type { ManagementNode } from "../../../src/http/schema/common.ts";
import type { ClaimStatement } from "../../../src/http/schema/claims.ts";
import { Random } from "../random.ts";
import type { Pausable } from "../world/scheduler.ts";

export interface SpeakerPorts {
  readonly vms: readonly string[];
  /** Ids of everybody who speaks. */
  readonly nodeIds: readonly string[];
  readonly leaseSecondsMax: number;
  readonly exchange: (host: string) => Exchange;
}

interface Said {
  readonly host: string;
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly body: object;
}

/** What is said, and how often against the rest. */
const topics = {
  claim: 30,
  "claim-again": 8,
  list: 18,
  sync: 10,
  heartbeat: 6,
  continue: 18,
  "continue-unknown": 4,
  "continue-anybody": 4,
  "continue-vm": 5,
  depart: 6,
  "new-epoch": 3,
  repeat: 6,
  "old-epoch": 2,
  twin: 2,
  report: 8,
  operator: 3,
  "end-amnesia": 1,
} as const;

export class Speaker implements Pausable {
  readonly id: string;
  pausedUntilMs = 0;
  readonly #ports: SpeakerPorts;
  #epoch = 1;
  #instance = "first";
  #sequence = 0;
  #operations = 0;
  /** What it believes to be in flight, per host. */
  readonly #live = new Map<string, ClaimStatement[]>();
  readonly #said: Said[] = [];
  readonly #runs = new Map<string, { storeId: string; epoch: number }>();

  constructor(id: string, ports: SpeakerPorts) {
    this.id = id;
    this.#ports = ports;
  }

  /** Says something to a host. */
  speak(host: string, salt: number): void {
    const random = new Random(salt);
    const topic = random.weighted(topics);
    const live = this.#live.get(host) ?? [];
    this.#live.set(host, live);
    switch (topic) {
      case "claim": {
        const claim = this.#newClaim(random);
        live.push(claim);
        this.#claim(host, this.#introduce(host, random), claim);
        return;
      }
      case "claim-again":
        if (live.length > 0) this.#claim(host, this.#introduce(host, random), random.pick(live));
        return;
      case "list":
      case "sync":
        this.#sync(host, random, topic === "list" ? [...live] : undefined);
        return;
      case "heartbeat":
        this.#put(host, `/v1/management-nodes/${this.id}`, {
          managementNode: this.#introduce(host, random),
        });
        return;
      case "continue":
      case "continue-unknown":
      case "continue-anybody":
        this.#continue(host, random, topic, live);
        return;
      case "continue-vm":
        this.#continueVm(host, random, live);
        return;
      case "depart": {
        const id = random.pick(this.#ports.nodeIds);
        const epoch = random.chance(0.3) ? Math.max(0, this.#epoch - 1) : random.whole(1, 2);
        this.#ask(host, "DELETE", `/v1/management-nodes/${id}?epoch=${epoch}&caller=${this.id}`);
        return;
      }
      case "new-epoch":
        this.#epoch += 1;
        this.#instance = `again${this.#epoch}`;
        this.#sequence = 0;
        this.#live.clear();
        this.#sync(host, random, []);
        return;
      case "repeat": {
        if (this.#said.length === 0) return;
        const { host: to, method, path, body } = random.pick(this.#said.slice(-8));
        this.#ask(to, method, path, body);
        return;
      }
      case "old-epoch":
        this.#claim(
          host,
          { ...this.#introduce(host, random), epoch: this.#epoch - 1 },
          this.#newClaim(random),
        );
        return;
      case "twin": {
        const twin = { ...this.#introduce(host, random), instance: "twin" };
        if (random.chance(0.5)) this.#claim(host, twin, this.#newClaim(random));
        else this.#post(host, { managementNode: twin, skipList: [] });
        return;
      }
      case "report":
        this.#ask(host, "GET", "/v1/report");
        return;
      case "operator":
        this.#operator(host, random);
        return;
      case "end-amnesia":
        this.#ask(host, "DELETE", "/v1/amnesia");
        return;
      default:
        throw new Error(`unreachable: ${JSON.stringify(topic satisfies never)}`);
    }
  }

  /** Asks for a report, without a word of its own. */
  read(host: string): void {
    this.#ask(host, "GET", "/v1/report");
  }

  #newClaim(random: Random): ClaimStatement {
    this.#operations += 1;
    // Names that several use, now and then.
    const operationId = random.chance(0.1) ? "shared" : `${this.id}-${this.#operations}`;
    const ttl = random.chance(0.4) ? { orphanTtlSeconds: random.pick([1, 3, 10, 30]) } : {};
    return { vmUuid: random.pick(this.#ports.vms), operationId, reason: "start", ...ttl };
  }

  #introduce(host: string, random: Random): ManagementNode {
    this.#sequence += 1;
    const { leaseSecondsMax } = this.#ports;
    const lease = random.chance(0.3) ? { leaseSeconds: random.whole(10, leaseSecondsMax) } : {};
    const ttl = random.chance(0.15) ? { orphanTtlSeconds: random.pick([2, 8, 25]) } : {};
    const run = this.#runs.get(host);
    const echo = run === undefined ? {} : { storeId: run.storeId, agentEpoch: run.epoch };
    const { id } = this;
    return {
      id,
      epoch: this.#epoch,
      instance: this.#instance,
      sequence: this.#sequence,
      ...lease,
      ...ttl,
      ...echo,
    };
  }

  #claim(host: string, managementNode: ManagementNode, claim: ClaimStatement): void {
    const { vmUuid, operationId, ...saying } = claim;
    this.#put(host, `/v1/claims/${vmUuid}/${operationId}`, { managementNode, ...saying });
  }

  #sync(host: string, random: Random, list: readonly ClaimStatement[] | undefined): void {
    const unique = new Map(list?.map((one) => [`${one.vmUuid} ${one.operationId}`, one]));
    const skipList = list === undefined ? {} : { skipList: [...unique.values()] };
    const expect = random.chance(0.5) ? { expect: [...this.#ports.vms] } : {};
    this.#post(host, { managementNode: this.#introduce(host, random), ...skipList, ...expect });
  }

  #continue(
    host: string,
    random: Random,
    topic: "continue" | "continue-unknown" | "continue-anybody",
    live: ClaimStatement[],
  ): void {
    const at = random.below(live.length + 1);
    const claim = live[at] ?? this.#newClaim(random);
    if (topic !== "continue-unknown") live.splice(at, 1);
    const path = `/v1/claims/${claim.vmUuid}/${claim.operationId}`;
    const parameters: string[] = [];
    if (topic !== "continue-anybody") parameters.push(`managementNode=${this.id}`);
    else if (random.chance(0.5)) parameters.push(`caller=${random.pick(this.#ports.nodeIds)}`);
    if (topic === "continue-unknown") parameters.push("outcome=unknown");
    if (topic !== "continue-anybody" && random.chance(0.6)) {
      this.#sequence += 1;
      const epoch = random.chance(0.3) ? this.#epoch - 1 : this.#epoch;
      parameters.push(
        `caller=${this.id}`,
        `callerEpoch=${epoch}`,
        `callerSequence=${this.#sequence}`,
      );
    }
    const query = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
    this.#ask(host, "DELETE", `${path}${query}`);
  }

  #continueVm(host: string, random: Random, live: ClaimStatement[]): void {
    const vmUuid = random.pick(this.#ports.vms);
    const left = live.filter((claim) => claim.vmUuid !== vmUuid);
    live.splice(0, live.length, ...left);
    this.#sequence += 1;
    const caller = `caller=${this.id}&callerEpoch=${this.#epoch}&callerSequence=${this.#sequence}`;
    const orphans = random.chance(0.4) ? "&orphans=true" : "";
    this.#ask(host, "DELETE", `/v1/claims/${vmUuid}?${caller}${orphans}`);
  }

  #operator(host: string, random: Random): void {
    const { vmUuid, operationId } = this.#newClaim(random);
    const orphanTtlSeconds = random.whole(1, 30);
    const path = `/v1/claims/${vmUuid}/${operationId}`;
    this.#ask(host, "PUT", path, { operator: true, reason: "by hand", orphanTtlSeconds });
  }

  #put(host: string, path: string, body: object): void {
    this.#said.push({ host, method: "PUT", path, body });
    this.#ask(host, "PUT", path, body);
  }

  #post(host: string, body: object): void {
    this.#said.push({ host, method: "POST", path: "/v1/sync", body });
    this.#ask(host, "POST", "/v1/sync", body);
  }

  #ask(host: string, method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object): void {
    this.#ports
      .exchange(host)(method, path, body)
      .then(
        ({ value }) => {
          const { agent } = (value ?? {}) as { agent?: { storeId: string; epoch: number } };
          if (agent?.storeId !== undefined) this.#runs.set(host, agent);
        },
        () => {},
      );
  }
}
