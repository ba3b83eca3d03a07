import { afterEach, beforeEach, expect, test } from "vitest";
import { claimUrl } from "./api.ts";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

let folder: ServedFolder;
beforeEach(async () => {
  folder = await ServedFolder.make();
  await folder.socket();
});
afterEach(() => folder[Symbol.asyncDispose]());

// A report that someone keeps and shows later is a late one (G1).
test.each(["/v1/report", "/v1/status", "/v1/claims", "/v1/nothing"])(
  "GET %s is answered with the order not to keep it",
  async (path) => {
    using connection = await RawConnection.open({ path: folder.file() });
    connection.get(path);
    await expect.poll(() => connection.received).toContain("}");
    expect(connection.received).toMatch(/^cache-control: no-store\r$/m);
  },
);

test("malformed escapes are found behind a second question mark too", async () => {
  using connection = await RawConnection.open({ path: folder.file() });
  connection.write(`DELETE ${claimUrl()}?managementNode=x?%zz HTTP/1.1`, "host: h", "", "");
  await expect.poll(() => connection.received).toContain("}");
  expect(connection.received).toMatch(/^HTTP\/1\.1 400 /);
});

test("who sends no HTTP and does not close is cut off after the refusal", async () => {
  using connection = await RawConnection.open({ path: folder.file() });
  connection.socket.allowHalfOpen = true;
  connection.write("nonsense", "", "");
  await expect.poll(() => connection.received).toContain("it is not HTTP");
  // Nothing tells the silent side; but this process holds one end less.
  const pipes = (): number => {
    return process.getActiveResourcesInfo().filter((kind) => kind === "PipeWrap").length;
  };
  const before = pipes();
  await expect.poll(pipes).toBe(before - 1);
});
