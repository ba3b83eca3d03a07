import { expect } from "vitest";
import { LibvirtConnectionError } from "../../../src/libvirt/errors.ts";

/** The text of the protocol error that an action throws; fails on any other error, or none. */
export function protocolErrorOf(action: () => unknown): string {
  const outcome = outcomeOf(action);
  expect(outcome).toMatch(/^cannot decode libvirt's answer: /);
  return outcome;
}

/** "value", or the text of the protocol error that an action throws; other errors pass through. */
export function outcomeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    const isExpected = error instanceof LibvirtConnectionError && error.code === "protocol-error";
    if (!isExpected) throw error;
    return error.message;
  }
  return "value";
}
