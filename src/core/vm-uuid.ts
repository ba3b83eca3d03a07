/** Identity of a VM: dashed and lower case, the only form inside the agent. */
export type VmUuid = string;

/** What is accepted from outside: dashed or as 32 hex digits, in any case. */
export const vmUuidPattern =
  "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$";

const accepted = new RegExp(vmUuidPattern);

/** Brings a uuid to its inner form; undefined if it is none. */
export function parseVmUuid(text: string): VmUuid | undefined {
  if (!accepted.test(text)) return undefined;
  const hex = text.replaceAll("-", "").toLowerCase();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
