import { existsSync, statSync } from "node:fs";
import { connect } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { Program, run } from "./program.ts";
import { Folder, SimulatedHost } from "./simulated-host.ts";

const program = "bin/vmsyncd.mjs";
const poll = { timeout: 20_000, interval: 10 };
/** For tests that wait for processes to start, on a machine that does much else. */
const timeout = 60_000;

/** A daemon as a child process that has begun to serve. */
async function startProgram(host: SimulatedHost, ...more: string[]): Promise<Program> {
  const daemon = Program.node(program, [...host.flags(), ...more]);
  await vi.waitFor(() => expect(daemon.out).toContain('"started"'), poll);
  return daemon;
}

test.concurrent.each([
  ["--help", /^Usage: vmsyncd [\s\S]*--libvirt-socket[\s\S]*--version/],
  ["--version", /^vmsyncd \d+\.\d+\.\d+\n$/],
])("%s answers whatever else is wrong, and starts nothing", { timeout }, async (flag, text) => {
  const { code, out, error } = await run(program, ["--log-level", "loud", flag]);
  expect({ code, error }).toEqual({ code: 0, error: "" });
  expect(out).toMatch(text);
});

describe.concurrent("a bad configuration ends with 78", { timeout }, () => {
  test("and says file, line and key on standard error", async () => {
    using folder = new Folder();
    const file = folder.write("config.yaml", "hostId: a\nhttp:\n  sokcet: /x\n");
    const { code, out, error } = await run(program, ["--config", file]);
    expect({ code, out }).toEqual({ code: 78, out: "" });
    expect(error).toBe(
      `cannot read configuration: ${file}:3: unknown key 'http.sokcet' ` +
        "(did you mean 'http.socket'?)\n",
    );
  });

  test("whatever is wrong with it, and tells all of it", async () => {
    const args = ["--http-listen", "0.0.0.0:7171", "extra"];
    const environment = { VMSYNCD_LOG_LEVEL: "loud" };
    const { code, out, error } = await run(program, args, { environment });
    expect({ code, out }).toEqual({ code: 78, out: "" });
    expect(error).toMatch(/^cannot read configuration:\n/);
    expect(error).toMatch(/--http-listen: '0.0.0.0' is not a loopback address/);
    expect(error).toMatch(/'extra': unexpected argument/);
    expect(error).toMatch(/environment variable VMSYNCD_LOG_LEVEL: expected one of/);
  });
});

// Each test has a host of its own; what takes its time is the start of the processes.
describe.concurrent("the program", { timeout }, () => {
  test("serves, logs where, and ends on SIGTERM with 0 and the socket gone", async () => {
    await using host = await SimulatedHost.start();
    await using daemon = await startProgram(host);
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    expect((await client.report()).host.id).toBe("host-7");
    expect(statSync(host.socketPath).mode & 0o777).toBe(0o660);
    const started = daemon.out.split("\n").find((line) => line.includes('"started"')) ?? "";
    expect(JSON.parse(started)).toMatchObject({ listen: [host.socketPath], hostId: "host-7" });
    daemon.child.kill("SIGTERM");
    const { code, signal, error } = await daemon.ended;
    expect({ code, signal, error }).toEqual({ code: 0, signal: null, error: "" });
    expect(existsSync(host.socketPath)).toBe(false);
    expect(daemon.out).toContain('"stopping"');
  });

  test("ends at once although connections are open and libvirt hangs", async () => {
    await using host = await SimulatedHost.start();
    host.simulator.hang();
    await using daemon = await startProgram(host);
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    await client.claims();
    const silent = connect({ path: host.socketPath });
    silent.on("error", () => {});
    await vi.waitFor(() => expect(silent.readyState).toBe("open"), poll);
    const startedAt = performance.now();
    daemon.child.kill("SIGINT");
    expect(await daemon.ended).toMatchObject({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    silent.destroy();
  });

  test("answers the sync that is in flight when SIGTERM comes", async () => {
    await using host = await SimulatedHost.start();
    host.simulator.hang();
    await using daemon = await startProgram(host);
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    const answer = client.report();
    const isAsked = async (): Promise<boolean> => {
      await using other = new VmsyncdClient({ socketPath: host.socketPath });
      return (await other.status()).libvirt.up;
    };
    expect(await isAsked()).toBe(false);
    daemon.child.kill("SIGTERM");
    expect((await answer).absentMeans).toBe("unknown");
    expect((await daemon.ended).code).toBe(0);
  });

  test("fails with a sentence where another serves or writes, and leaves that alone", async () => {
    await using host = await SimulatedHost.start();
    await using first = await startProgram(host);
    const elsewhere = ["--store-folder", host.folder.file("other-store")];
    const onSocket = await run(program, [...host.flags(), ...elsewhere]);
    const served = (setBy: string): string =>
      `cannot start vmsyncd: cannot listen on ${host.socketPath} (set by ${setBy}): ` +
      "another agent serves it already; stop that one, or configure another socket for this one\n";
    expect(onSocket.code).toBe(1);
    expect(onSocket.error).toBe(served(host.folder.file("config.yaml")));
    expect(onSocket.out).not.toContain('"started"');
    expect(existsSync(host.folder.file("other-store"))).toBe(false);

    const environment = { VMSYNCD_HTTP_SOCKET: host.socketPath };
    const named = await run(program, ["--store-folder", host.folder.file("other-store")], {
      environment,
    });
    expect(named.code).toBe(1);
    expect(named.error).toBe(served("the environment variable VMSYNCD_HTTP_SOCKET"));

    const onStore = await run(program, [
      ...host.flags(),
      "--http-socket",
      host.folder.file("other.sock"),
    ]);
    expect(onStore.code).toBe(1);
    expect(onStore.error).toMatch(
      /^cannot start vmsyncd: cannot open the store in .*: another process holds it/,
    );

    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    const status = await client.status();
    expect({ id: status.host.id, writable: status.store.writable }).toEqual({
      id: "host-7",
      writable: true,
    });
    expect(first.child.exitCode).toBe(null);
  });

  test("ends on SIGHUP as on SIGTERM", async () => {
    await using host = await SimulatedHost.start();
    await using daemon = await startProgram(host);
    daemon.child.kill("SIGHUP");
    expect(await daemon.ended).toMatchObject({ code: 0, signal: null, error: "" });
    expect(existsSync(host.socketPath)).toBe(false);
    expect(daemon.out).toContain('"stopping"');
  });

  test("after a kill -9 starts again on the socket that was left behind", async () => {
    await using host = await SimulatedHost.start();
    {
      await using first = await startProgram(host);
      first.child.kill("SIGKILL");
      await first.ended;
    }
    expect(existsSync(host.socketPath)).toBe(true);
    await using second = await startProgram(host);
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    expect((await client.status()).host.id).toBe("host-7");
    expect(second.error).toBe("");
  });

  test("whose TCP port is taken fails with a sentence and takes its unix socket away", async () => {
    await using host = await SimulatedHost.start();
    await using other = await SimulatedHost.start();
    const origin = await other.startDaemon();
    const { code, error } = await run(program, [
      ...host.flags(),
      "--http-listen",
      origin.replace("http://", ""),
    ]);
    expect(code).toBe(1);
    expect(error).toMatch(/^cannot start vmsyncd: cannot listen on 127.0.0.1:\d+: the address is/);
    expect(existsSync(host.socketPath)).toBe(false);
  });
});
