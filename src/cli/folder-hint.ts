import { StoreError } from "../store/read-only.ts";

/** Does something with the store; where it is not in its folder, says how another is named. */
export function withFolderHint<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof StoreError) || !isOfFolder(error)) throw error;
    const hint = "say with --folder or VMSYNCD_CONFIG where the store is";
    throw new StoreError(error.code, `${error.message}; ${hint}`, { cause: error });
  }
}

function isOfFolder({ code }: StoreError): boolean {
  return code === "no-store" || code === "no-folder";
}
