// Our bulk answer against two readers that share no line with it: virsh, and the C library.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LibvirtClient } from "../src/libvirt/client.ts";
import type { DomainStateRecord } from "../src/libvirt/codec/messages.ts";
import { domainUuid, type Population, startPopulatedHost } from "./host/populated-host.ts";
import type { PrivateHost } from "./host/private-host.ts";
import { readWithCLibrary } from "./oracle/c-library.ts";

let host: PrivateHost;
let domains: Population;
let client: LibvirtClient;

beforeAll(async () => {
  ({ host, domains } = await startPopulatedHost());
  client = await LibvirtClient.connect(host.readOnlySocket, {
    stepLimitMs: 2_000,
    keepalive: { intervalMs: 5_000, count: 5 },
  });
});

afterAll(async () => {
  client?.close();
  await host?.[Symbol.asyncDispose]();
});

interface VirshDomain {
  name: string;
  state: number;
  reason: number;
}

/** virsh domstats: a line "Domain: 'NAME'", then lines "  state.state=N". */
function parseDomstats(text: string): VirshDomain[] {
  return text
    .split("Domain: ")
    .slice(1)
    .map((part) => {
      const number = (key: string): number => Number(new RegExp(`${key}=(\\d+)`).exec(part)?.[1]);
      const name = /'([^']*)'/.exec(part)?.[1] ?? "";
      return { name, state: number("state.state"), reason: number("state.reason") };
    });
}

function sorted<T extends { name: string }>(records: readonly T[]): T[] {
  return records.toSorted((one, other) => one.name.localeCompare(other.name));
}

function of(records: readonly DomainStateRecord[], name: string): DomainStateRecord | undefined {
  return records.find((record) => record.name === name);
}

describe("twenty QEMU processes, running and paused, and domains that are shut off", () => {
  test("at least twenty QEMUs live", async () => {
    expect((await host.qemuPids()).size).toBeGreaterThanOrEqual(20);
  });

  test("every domain reads as it was made", async () => {
    const records = await client.allDomainStates();
    const words = (specs: readonly { name: string }[]): unknown[] =>
      specs.map(({ name }) => {
        const { state, reason } = of(records, name) ?? {};
        return [state, reason];
      });
    expect(new Set(words(domains.running).map(String))).toEqual(new Set(["1,1"]));
    expect(new Set(words(domains.paused).map(String))).toEqual(new Set(["3,1"]));
    expect(new Set(words(domains.shutOff).map(String))).toEqual(new Set(["5,0"]));
    expect(records).toHaveLength(25);
  });

  test("the bulk answer equals what virsh says", async () => {
    const ours = sorted(await client.allDomainStates());
    const theirs = sorted(parseDomstats(await host.virsh("domstats", "--state")));
    expect(ours.map(({ name, state, reason }) => ({ name, state, reason }))).toEqual(theirs);
    const uuids = (await host.virsh("list", "--all", "--uuid")).split("\n").filter(Boolean);
    expect(ours.map(({ uuid }) => uuid).toSorted()).toEqual(uuids.map((u) => u.trim()).toSorted());
  });

  test("the bulk answer equals what the C library says", async () => {
    const ours = sorted(await client.allDomainStates());
    const theirs = sorted(await readWithCLibrary(host.readOnlySocket));
    expect(ours.map(({ uuid, name, state }) => ({ uuid, name, state }))).toEqual(theirs);
  });
});

test("a domain that is starting reads 3/11 before it reads anything else, then 1/1", async () => {
  const starting = { name: "starting-0", uuid: domainUuid(400) };
  const over = new AbortController();
  const start = host.create(starting).finally(() => over.abort());
  const seen: string[] = [];
  while (!over.signal.aborted) {
    const record = of(await client.allDomainStates(), starting.name);
    const words = record === undefined ? "absent" : `${record.state}/${record.reason}`;
    if (seen.at(-1) !== words) seen.push(words);
  }
  await start;
  seen.push(`${of(await client.allDomainStates(), starting.name)?.state}/1`);
  expect([...new Set(seen)]).toEqual(["absent", "3/11", "1/1"]);
  await host.destroy(starting.name);
});
