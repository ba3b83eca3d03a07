import { afterEach, beforeEach, expect, test } from "vitest";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

let folder: ServedFolder;
beforeEach(async () => {
  folder = await ServedFolder.make();
  await folder.socket();
});
afterEach(() => folder[Symbol.asyncDispose]());

const ask = ["GET /v1/report HTTP/1.1", "host: h", "", ""].join("\r\n");

test("a request sent before the one ahead of it is answered gets no report", async () => {
  using connection = await RawConnection.open({ path: folder.file() });
  connection.write(`${ask}${ask}`);
  await connection.ended;
  expect(connection.received.match(/absentMeans/g)).toHaveLength(1);
  expect(connection.received).toMatch(/HTTP\/1\.1 400[\s\S]*wait for each answer/);
});

test("requests sent one after the other on one connection are each answered", async () => {
  using connection = await RawConnection.open({ path: folder.file() });
  for (let asked = 1; asked <= 20; asked += 1) {
    connection.write(ask);
    await expect
      .poll(() => connection.received.match(/absentMeans/g)?.length, { interval: 1 })
      .toBe(asked);
  }
  expect(connection.received).not.toMatch(/HTTP\/1\.1 400/);
});
