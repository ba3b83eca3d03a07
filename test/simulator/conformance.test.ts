import { Simulator } from "../../src/simulator/simulator.ts";
import type { ConformanceHost } from "../conformance/conformance-host.ts";
import { libvirtConformance } from "../conformance/libvirt-conformance.ts";
import { SocketFolder } from "../libvirt/socket-folder.ts";

const keepalive = { intervalMs: 100, count: 2 };
/** Long enough to be seen by a client that looks all the time. */
const timings = { execMs: 10, startMs: 40 };
const heldUpMs = 500;

libvirtConformance("the simulated libvirtd", async (): Promise<ConformanceHost> => {
  const folder = new SocketFolder();
  const simulator = await Simulator.start({ folder: folder.path, keepalive, timings });
  const { domains } = simulator;
  return {
    socketPath: simulator.socketPath,
    keepalive,
    define: async ({ name, uuid }) => domains.define(name, uuid),
    undefine: async ({ uuid }) => domains.undefine(uuid),
    create: ({ name, uuid }, options) => domains.start(uuid, { name, ...options }),
    start: ({ uuid }, options) => domains.start(uuid, options),
    suspend: async ({ uuid }) => domains.suspend(uuid),
    resume: async ({ uuid }) => domains.resume(uuid),
    destroy: async ({ uuid }) => domains.destroy(uuid),
    shutDownGuest: async ({ uuid }) => domains.shutdown(uuid),
    killProcess: async ({ uuid }) => domains.fail(uuid),
    restartDaemon: () => simulator.restart(),
    hangDaemon: async () => simulator.hang(),
    continueDaemon: () => simulator.resume(),
    destroySlowly: async ({ uuid }) => {
      const fault = simulator.faults.inject(
        { kind: "delay", ms: heldUpMs },
        { procedures: [273, 344] },
      );
      return async () => {
        fault[Symbol.dispose]();
        domains.destroy(uuid);
      };
    },
    [Symbol.asyncDispose]: async () => {
      await simulator[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});
