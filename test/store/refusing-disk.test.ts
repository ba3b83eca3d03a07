// What a disk that takes nothing is said to be, with what to do. Only root can mount one.

import { describe, expect, test } from "vitest";
import { StoreFolder } from "./folder.ts";
import { MountedFolder, whyNoMount } from "./mounted-folder.ts";
import { claimBatch } from "./records.ts";

describe.skipIf(whyNoMount() !== undefined)("a write is refused with what to do", () => {
  const refusalBy = async (
    refuse: (mounted: MountedFolder) => void,
    isThere: boolean,
  ): Promise<{ path: string; code: string; message: string }> => {
    using mounted = new MountedFolder();
    await using folder = new StoreFolder(mounted.path);
    if (isThere) {
      await (await folder.open()).store.write(claimBatch(1));
      await folder.close();
    }
    refuse(mounted);
    const { store } = await folder.open();
    const failure = await store.write(claimBatch(2)).then(
      () => undefined,
      (error: { code: string; message: string }) => error,
    );
    await folder.close();
    mounted.makeWritable();
    return {
      path: mounted.path,
      code: failure?.code ?? "none",
      message: failure?.message ?? "none",
    };
  };

  test.each([true, false])("on a full disk; with a store: %s", async (isThere) => {
    const { path, code, message } = await refusalBy((mounted) => mounted.fill(), isThere);
    expect({ code, message }).toEqual({
      code: "full",
      message: `the disk of ${path} is full: make room on it`,
    });
  });

  test.each([true, false])("on one mounted for reading; with a store: %s", async (isThere) => {
    const { path, code, message } = await refusalBy((mounted) => mounted.makeReadOnly(), isThere);
    expect({ code, message }).toEqual({
      code: "read-only",
      message: `the file system of ${path} is read-only: mount it for writing`,
    });
  });
});
