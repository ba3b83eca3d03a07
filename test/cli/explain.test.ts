import { afterEach, beforeEach, expect, test } from "vitest";
import { vmsyncctl } from "./recorded-terminal.ts";
import { ServedAgent } from "./served-agent.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
let agent: ServedAgent;

beforeEach(async () => {
  agent = await ServedAgent.start();
});
afterEach(() => agent[Symbol.asyncDispose]());

test("explains a VM in sentences: what is said, why, what was said, what happened", async () => {
  agent.api.observer.show({ uuid: vm, name: "web-7", state: 5, reason: 2 });
  await agent.client.report();
  await agent.orphan(vm, "start-7");
  const { exitCode, out } = await vmsyncctl(["explain", vm.replaceAll("-", "")]);
  expect(exitCode).toBe(0);
  const text = out.join("\n");
  expect(out[0]).toBe(`VM ${vm}: skipped.`);
  for (const part of [
    "- A report skips it and says nothing of its state: a claim on it lives.",
    "- libvirt calls it shut off (destroyed), by the name web-7.",
    "- No QEMU process has its uuid.",
    "is an orphan (departed) and ends in",
    "Its last stop on this host was at",
    "A report to somebody without a name said Stopped of it ",
    `a report to somebody without a name called ${vm} Stopped`,
    `mn-1 claimed ${vm} for operation start-7 (start)`,
  ]) {
    expect(text).toContain(part);
  }
});

test("--json gives the answer as it is", async () => {
  const { out } = await vmsyncctl(["explain", vm, "--json"]);
  expect(JSON.parse(out.join("\n"))).toMatchObject({ vmUuid: vm, said: "Stopped" });
});

test.each([
  [["explain"], 2],
  [["explain", "web-7"], 2],
])("%j is wrong usage", async (argv, code) => {
  expect((await vmsyncctl(argv)).exitCode).toBe(code);
});

test("before the first look, status says that there was none", async () => {
  const { out } = await vmsyncctl(["status"]);
  expect(out).toContain("Observation  none yet");
});
