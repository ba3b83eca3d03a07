import { existsSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Folder } from "../daemon/simulated-host.ts";
import { StoreFolder } from "../store/folder.ts";
import { claimBatch } from "../store/records.ts";
import { vmsyncctl } from "./recorded-terminal.ts";

let store: StoreFolder;
let folder: Folder;
let file: string;
beforeEach(async () => {
  store = new StoreFolder();
  folder = new Folder();
  file = folder.file("backup.db");
  vi.stubEnv("VMSYNCD_STORE_FOLDER", store.path);
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", folder.file("none.sock"));
  const { store: opened } = await store.open();
  await opened.write(claimBatch(1));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await store[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function refusal(argv: readonly string[]): Promise<{ exitCode: number; said: string }> {
  const { exitCode, out, error } = await vmsyncctl(argv);
  expect(out).toEqual([]);
  expect(error).toHaveLength(1);
  return { exitCode, said: error[0] ?? "" };
}

const claimsNow = async (): Promise<number> => {
  const { out } = await vmsyncctl(["claims", "list", "--json"]);
  return (JSON.parse(out.join("\n")) as { claims: unknown[] }).claims.length;
};

describe("backup", () => {
  test("copies the store while an agent has it", async () => {
    expect(await vmsyncctl(["backup", file])).toEqual({
      exitCode: 0,
      out: [`The store in ${store.path} is copied to ${file}.`],
      error: [],
    });
    expect(existsSync(file)).toBe(true);
  });

  test("overwrites nothing: 1", async () => {
    writeFileSync(file, "mine");
    expect(await refusal(["backup", file])).toEqual({
      exitCode: 1,
      said: `cannot write the backup: ${file} exists; name another file`,
    });
  });

  test.each([
    ["none/b.db", /^cannot write the backup: .*none does not exist; make it, or name a file/],
    ["", /^cannot write the backup: .* exists; name another file$/],
  ])("to %j ends with 1 and says what to do", async (name, said) => {
    const ending = await refusal(["backup", folder.file(name)]);
    expect(ending).toEqual({ exitCode: 1, said: expect.stringMatching(said) });
  });

  test("without a store ends with 1", async () => {
    const { exitCode, said } = await refusal(["backup", file, "--folder", folder.path]);
    expect({ exitCode, said }).toEqual({
      exitCode: 1,
      said: `cannot back up ${folder.file("store.db")}: there is no store; say with --folder or VMSYNCD_CONFIG where the store is`,
    });
  });
});

describe("restore", () => {
  beforeEach(async () => {
    await vmsyncctl(["backup", file]);
  });

  test("while vmsyncd runs ends with 1 and says to stop it", async () => {
    expect(await refusal(["restore", file])).toEqual({
      exitCode: 1,
      said: `cannot restore ${file}: a vmsyncd runs on the store in ${store.path}; stop it first`,
    });
  });

  test("brings the backup back, keeps what was there, and announces the amnesia", async () => {
    const { store: opened } = await store.open().catch(() => ({ store: undefined }));
    expect(opened).toBeUndefined();
    await store.close();
    const again = await store.open();
    await again.store.write(claimBatch(2));
    await store.close();
    expect(await claimsNow()).toBe(2);
    const { exitCode, out, error } = await vmsyncctl(["restore", file]);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    expect(out).toEqual([
      expect.stringMatching(
        `^The store in ${store.path} is that of \\d{4}-.*Z now, with 1 claim\\.$`,
      ),
      expect.stringMatching(/^What was there before is kept as store\.db\.replaced-/),
      expect.stringMatching(
        /^vmsyncd will start with amnesia, since claims may have been made after the backup/,
      ),
    ]);
    expect(await claimsNow()).toBe(1);
    expect((await store.open()).past.amnesiaReason).toBe("restored-store");
  });

  test("--json says the same to machines", async () => {
    await store.close();
    const { out } = await vmsyncctl(["restore", file, "--json", "--folder", store.path]);
    expect(JSON.parse(out.join("\n"))).toMatchObject({ folder: store.path, file, claims: 1 });
  });

  test.each([
    ["none.db", /^cannot restore .*none\.db: the file does not exist; name a file that/],
    ["", /^cannot restore .*: it is a folder; name a file that vmsyncctl backup has written$/],
    ["empty", /^cannot restore .*empty: it is empty; name a file/],
  ])("of %j ends with 1 and says what to do", async (name, said) => {
    await store.close();
    folder.write("empty", "");
    const ending = await refusal(["restore", folder.file(name)]);
    expect(ending).toEqual({ exitCode: 1, said: expect.stringMatching(said) });
  });

  test("into a folder that cannot be made names the option that says another", async () => {
    const { exitCode, said } = await refusal(["restore", file, "--folder", folder.file("a/b")]);
    expect({ exitCode, said }).toEqual({
      exitCode: 1,
      said: expect.stringMatching(/a does not exist; make it, .* --folder or VMSYNCD_CONFIG/),
    });
  });

  test("of a newer version says so of the file that was named", async () => {
    await store.close();
    using database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 99");
    const { exitCode, said } = await refusal(["restore", file]);
    expect({ exitCode, said }).toEqual({
      exitCode: 1,
      said: expect.stringMatching(
        new RegExp(
          `^cannot restore ${file}: a newer vmsyncd wrote it \\(version 99, this one knows \\d+\\); install that vmsyncd, or restore an older backup$`,
        ),
      ),
    });
    expect(await claimsNow()).toBe(1);
  });

  test("of what is no backup changes nothing: 1", async () => {
    await store.close();
    const other = folder.write("notes.txt", "no backup, only notes");
    const { exitCode, said } = await refusal(["restore", other]);
    expect({ exitCode, said }).toEqual({
      exitCode: 1,
      said: expect.stringMatching(/^cannot restore /),
    });
    expect(await claimsNow()).toBe(1);
  });
});
