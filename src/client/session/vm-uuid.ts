import { SessionError } from "./errors.ts";

const hexDigits = /^[0-9a-f]{32}$/;

/**
 * Brings a VM uuid (dashed or as 32 hex digits, in any case) to the form in which reports name it:
 * dashed, lower case.
 *
 * @throws SessionError "invalid-operation"
 */
export function normalVmUuid(text: string): string {
  const hex = text.replaceAll("-", "").toLowerCase();
  if (!hexDigits.test(hex)) {
    const detail = `cannot read VM uuid ${JSON.stringify(text)}: 32 hex digits are needed, with or without dashes`;
    throw new SessionError("invalid-operation", detail);
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
