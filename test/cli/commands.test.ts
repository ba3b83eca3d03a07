import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { patientLooks, SimulatedHost } from "../daemon/simulated-host.ts";
import { vmsyncctl } from "./recorded-terminal.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";
const ghostVm = "11111111-1f2e-4b3c-8d4e-0123456789ab";

let host: SimulatedHost;
let origin: string;
beforeEach(async () => {
  host = await SimulatedHost.start();
  origin = await host.startDaemon(patientLooks);
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", host.socketPath);
  // A first start: amnesia has tests of its own.
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await client.endAmnesia();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await host[Symbol.asyncDispose]();
});

async function claim(operationId: string, id = "mn-1"): Promise<void> {
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  const managementNode = { id, epoch: 4, instance: "i", sequence: 1 };
  await client.claim(vm, operationId, { managementNode, reason: "start" });
}

async function libvirtIsUp(): Promise<void> {
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await expect.poll(async () => (await client.status()).libvirt.up).toBe(true);
}

async function startOther(name = "db-1"): Promise<void> {
  host.simulator.domains.define(name, otherVm);
  await host.simulator.domains.start(otherVm);
}

describe("report", () => {
  test("shows what a management node would be told, sorted by VM", async () => {
    await startOther();
    await claim("start-7");
    const { exitCode, out, error } = await vmsyncctl(["report"]);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    expect(out).toEqual([
      expect.stringMatching(/^Host host-7 at \d{4}-.*Z: complete; skip revision 1$/),
      expect.stringMatching(/^Agent epoch 1 of store [0-9a-f-]{36}$/),
      "A VM that is not listed here is stopped.",
      "",
      "VM                                    NAME  STATE    WHY",
      "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab  db-1  Running",
      expect.stringMatching(`^${vm}        skipped  start by mn-1, \\d+ s ago \\(start-7\\)$`),
    ]);
  });

  test("says alive of a skipped VM that is seen alive", async () => {
    host.simulator.domains.define("web-7", vm);
    await host.simulator.domains.start(vm);
    await claim("start-7");
    const { out } = await vmsyncctl(["report"]);
    expect(out.at(-1)).toMatch(new RegExp(`^${vm}  web-7  skipped, alive  start by mn-1`));
  });

  test("says of a withheld stop why, and of an absent VM that nothing is known", async () => {
    await startOther();
    host.simulator.domains.setState(otherVm, 5, 1);
    const { out } = await vmsyncctl(["report"]);
    expect(out.at(-1)).toMatch(/^0d5c2b1a-.*  db-1  Unknown  not called stopped: its QEMU/);
    await host.simulator.terminate();
    const down = await vmsyncctl(["report"]);
    expect(down.out[0]).toMatch(/: NOT COMPLETE; /);
    expect(down.out[2]).toBe(
      "A VM that is not listed here may be running: nothing is known of it.",
    );
    expect(down.out[3]).toMatch(/^Problem: .+ \(libvirt-unreachable\)$/);
  });

  test("names no VM where none can be named, and does not say that none is there", async () => {
    await host.simulator.terminate();
    const { out } = await vmsyncctl(["report"]);
    expect(out.at(-1)).toBe(
      "No VM can be named: the look at the host was not complete. VMs may be running here.",
    );
  });

  test("of a host without VMs says so", async () => {
    expect((await vmsyncctl(["report"])).out.at(-1)).toBe("No VM is on this host.");
  });

  test("--json prints the answer as it is, with libvirt's words", async () => {
    await startOther();
    const { out, error } = await vmsyncctl(["report", "--json"]);
    expect(error).toEqual([]);
    expect(JSON.parse(out.join("\n"))).toMatchObject({
      states: { [otherVm]: "Running" },
      libvirt: { [otherVm]: { name: "db-1", state: 1, reason: 1 } },
    });
  });
});

describe("status", () => {
  test("shows agent, libvirt, the last observation and the management nodes", async () => {
    await libvirtIsUp();
    await claim("start-7");
    await vmsyncctl(["report"]);
    const { exitCode, out, error } = await vmsyncctl(["status"]);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    expect(out).toEqual([
      "Host         host-7",
      expect.stringMatching(/^Agent {8}vmsyncd \d+\.\d+\.\d+, started \d+ s ago$/),
      expect.stringMatching(/^Run {10}agent epoch 1 of store [0-9a-f-]{36}$/),
      expect.stringMatching(`^libvirt      up on ${host.simulator.socketPath}, for \\d+ s$`),
      expect.stringMatching(
        /^Observation {2}complete, \d+ s ago, took \d+\.\d ms: domains: 0; VMs with a QEMU process: 0$/,
      ),
      "Claims       1 active, 0 orphaned; skip revision 1",
      "Store        can be written",
      "",
      "MANAGEMENT NODE  EPOCH  STATE              CLAIMS  ORPHANS  SILENT  CONFIGURED",
      expect.stringMatching(/^mn-1 {13}4 {6}alive, [23] min left {2}1 {7}0 {8}\d+ s +yes$/),
      expect.stringMatching(/^mn-2 {20}never heard {8}0 {7}0 {16}yes$/),
    ]);
  });

  test("says that libvirt is down, since when and why", async () => {
    await host.simulator.terminate();
    await vmsyncctl(["report"]);
    // First it says that the connection was lost, then why there is no other.
    const line = async () => (await vmsyncctl(["status"])).out[3];
    await expect.poll(line).toMatch(/^libvirt {6}DOWN for \d+ s: cannot connect to .*; is libvirt/);
    const { out } = await vmsyncctl(["status"]);
    expect(out[4]).toMatch(/^Observation {2}NOT COMPLETE, .*: domains not known/);
    expect(out[5]).toMatch(/^ {13}.* \(libvirt-unreachable\)$/);
  });

  test("--json prints the answer as it is", async () => {
    const { out } = await vmsyncctl(["status", "--json"]);
    expect(JSON.parse(out.join("\n"))).toMatchObject({ host: { id: "host-7" } });
  });
});

test("amnesia that is ended while libvirt is down: stops wait for a look that is complete", async () => {
  await host[Symbol.asyncDispose]();
  host = await SimulatedHost.start();
  await host.startDaemon(patientLooks);
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", host.socketPath);
  await host.simulator.terminate();
  await vmsyncctl(["report"]);
  const { exitCode, out } = await vmsyncctl(["amnesia", "end", "--yes"]);
  expect({ exitCode, out }).toEqual({
    exitCode: 0,
    out: [
      "Amnesia is over: stops are reported again as soon as a look at the host is complete. The last one was not; see vmsyncctl status.",
    ],
  });
});

test("--socket and --url say where the agent is, over the environment", async () => {
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", host.folder.file("none.sock"));
  expect((await vmsyncctl(["status"])).exitCode).toBe(69);
  expect((await vmsyncctl(["status", "--socket", host.socketPath])).exitCode).toBe(0);
  expect((await vmsyncctl(["status", "--url", origin])).exitCode).toBe(0);
  expect((await vmsyncctl(["--url", `${origin}/`, "claims", "list"])).exitCode).toBe(0);
});

describe("what comes from elsewhere cannot steer the terminal", () => {
  // ESC, CSI in one character, line feed, DEL, and marks that turn the direction of text.
  const hostile = "a\u001b[2J\u009b31m\n\u007f\u061c\u200e\u200f\u202e\u2066\u2028z";
  const steering =
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028]/u;

  async function everything(): Promise<string[]> {
    const commands = [
      ["report"],
      ["status"],
      ["claims", "list"],
      ["claims", "show", ghostVm],
      ["claims", "continue", ghostVm],
      ["nodes", "list"],
      ["history"],
    ];
    const runs = commands.flatMap((argv) => [vmsyncctl(argv), vmsyncctl([...argv, "--json"])]);
    return (await Promise.all(runs)).flatMap(({ out, error }) => [...out, ...error]);
  }

  test("the name of a VM", async () => {
    await startOther(hostile);
    const said = await everything();
    expect(said.join("\n")).not.toMatch(steering);
    expect(said.find((line) => line.startsWith(otherVm))).toBe(
      `${otherVm}  a\ufffd[2J\ufffd31m\ufffd\ufffd${"\ufffd".repeat(6)}z  Running`,
    );
  });

  test("and --json gives it unchanged to who reads JSON", async () => {
    await startOther(hostile);
    const { out } = await vmsyncctl(["report", "--json"]);
    const report = JSON.parse(out.join("\n")) as { libvirt: Record<string, { name: string }> };
    expect(report.libvirt[otherVm]?.name).toBe(hostile);
  });

  test("libvirt's errors, in the lines above and below the tables", async () => {
    await startOther();
    const message = `error of ${hostile}`;
    host.simulator.faults.inject({ kind: "error", code: 38, message });
    await vmsyncctl(["report"]);
    const said = await everything();
    expect(said.join("\n")).toMatch(/error of a/);
    expect(said.join("\n")).not.toMatch(steering);
    expect(said.filter((line) => line.includes("error of")).length).toBeGreaterThan(1);
  });

  test("a claim, whose reason may hold marks of direction", async () => {
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    const managementNode = { id: "mn\u202e1", epoch: 1, instance: "i", sequence: 1 };
    await client.claim(ghostVm, "op\u2066", { managementNode, reason: "\u200fr" });
    const said = await everything();
    expect(said.join("\n")).toContain("mn\ufffd1");
    expect(said.join("\n")).not.toMatch(steering);
  });
});
