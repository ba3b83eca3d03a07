// What was typed behind the name of a command, checked one by one. yargs hands texts over as they
// are: it would make a number of an operation called 007.

import path from "node:path";
import { UsageError } from "./usage-error.ts";

export type Typed = Readonly<Record<string, unknown>>;

/** The arguments and options of one command line; everything throws UsageError. */
export class Arguments {
  readonly #typed: Typed;

  constructor(typed: Typed) {
    this.#typed = typed;
  }

  /** Whether an option without a value is there. */
  flag(name: string): boolean {
    return this.#typed[name] === true;
  }

  /** Undefined: it is not there. */
  text(name: string, shown = `--${name}`): string | undefined {
    const value = this.#typed[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value)) throw refused(shown, "it is given more than once");
    if (value === "") throw refused(shown, "it is empty");
    if (typeof value !== "string") throw new Error(`${shown} is not declared as a text`);
    return value;
  }

  /** A whole number from `min` to `max`. */
  wholeNumber(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw refused(`--${name} ${text}`, `expected a whole number from ${min} to ${max}`);
  }

  /** The id of a management node or of an operation. */
  id(name: string, shown?: string): string | undefined {
    const text = this.text(name, shown);
    if (text === undefined || idPattern.test(text)) return text;
    const expected = "expected an id of 1 to 64 characters without control characters";
    throw refused(shown ?? `--${name} ${text}`, expected);
  }

  /** A VM uuid in either form; given dashed, lower case. */
  vmUuid(name: string, shown?: string): string | undefined {
    const text = this.text(name, shown);
    if (text === undefined) return undefined;
    if (uuidPattern.test(text)) return dashed(text.toLowerCase().replaceAll("-", ""));
    const expected =
      "expected a VM uuid, dashed or as 32 hex digits; vmsyncctl report names those of this host";
    throw refused(`${shown ?? `--${name}`} ${text}`, expected);
  }
}

/** One that has to be there. */
export function required<T>(value: T | undefined, shown: string): T {
  if (value === undefined) throw refused(shown, "it is missing");
  return value;
}

/** A file as it was typed, seen from where it was typed. */
export function absolutePath(file: string): string {
  return path.resolve(file);
}

function refused(shown: string, why: string): UsageError {
  return new UsageError(`cannot use ${shown}: ${why}`);
}

// The forms that the API accepts (http/schema/common.ts).
const idPattern = /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}\u2028\u2029]{1,64}$/u;
const uuidPattern =
  /^([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
