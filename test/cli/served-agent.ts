// A real agent without a host, served on the socket that the command line asks by itself: what the
// commands are tested against that need no libvirt.

import { vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { type Listener, listen } from "../../src/http/listeners.ts";
import { Folder } from "../daemon/simulated-host.ts";
import { Api } from "../http/api.ts";

type Past = Parameters<typeof Api.start>[0];

export class ServedAgent implements AsyncDisposable {
  readonly api: Api;
  readonly client: VmsyncdClient;
  readonly folder: Folder;
  readonly #listener: Listener;
  #sequence = 0;

  private constructor(api: Api, folder: Folder, listener: Listener) {
    this.api = api;
    this.folder = folder;
    this.#listener = listener;
    this.client = new VmsyncdClient({ socketPath: folder.file("vmsyncd.sock") });
  }

  /** @param past what its store held; an intact one without claims by default */
  static async start(past?: Past): Promise<ServedAgent> {
    const folder = new Folder();
    const api = await Api.start(past);
    const socket = folder.file("vmsyncd.sock");
    const listener = await listen(api.app, { kind: "unix", path: socket });
    vi.stubEnv("VMSYNCD_HTTP_SOCKET", socket);
    return new ServedAgent(api, folder, listener);
  }

  /** A claim of a management node, which is alive then. */
  async claim(vmUuid: string, operationId: string, id = "mn-1", more: object = {}): Promise<void> {
    const managementNode = { id, epoch: 4, instance: "i", sequence: (this.#sequence += 1) };
    await this.client.claim(vmUuid, operationId, { managementNode, reason: "start", ...more });
  }

  /** The same of a management node that is gone. */
  async orphan(vmUuid: string, operationId: string, id = "mn-1", more: object = {}): Promise<void> {
    await this.claim(vmUuid, operationId, id, more);
    await this.client.depart(id, 4, "mn-2");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    vi.unstubAllEnvs();
    await this.client[Symbol.asyncDispose]();
    await this.#listener.close();
    await this.api[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
