// The log: JSON lines on standard output, constant messages, data in fields.
//
// INVARIANT: the log never stops the agent. Whoever reads it may stall, and the disk under it may be
// full: lines then wait, up to a bound, and beyond it are dropped and counted.

import { write } from "node:fs";
import { type Logger, pino } from "pino";

/** Bytes that wait to be written before lines are dropped. */
const waitingBytesMax = 1_048_576;
/** Time after which a write that the other side did not take is tried again. */
const retryMs = 100;

/** Writes lines to a descriptor in the background, in order; drops what it cannot keep. */
export class LogOutput {
  readonly #descriptor: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #dropped = 0;
  #onDrained: (() => void)[] = [];

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Takes a line; never waits and never fails. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > waitingBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#next();
  }

  /** Resolves with true when everything is written, with false after `limitMs`. */
  drained(limitMs: number): Promise<boolean> {
    if (!this.#isWriting) return Promise.resolve(true);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), limitMs);
    this.#onDrained.push(() => {
      clearTimeout(timer);
      resolve(true);
    });
    return promise;
  }

  #next(): void {
    if (this.#isWriting) return;
    if (this.#waiting.length === 0) {
      for (const resolve of this.#onDrained.splice(0)) resolve();
      return;
    }
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#isWriting = true;
    this.#writeFrom(bytes, 0);
  }

  #writeFrom(bytes: Buffer, at: number): void {
    write(this.#descriptor, bytes, at, bytes.length - at, null, (error, written) => {
      if (error?.code === "EAGAIN") {
        setTimeout(() => this.#writeFrom(bytes, at), retryMs);
      } else if (error === null && at + written < bytes.length) {
        this.#writeFrom(bytes, at + written);
      } else {
        this.#written(bytes, error === null);
      }
    });
  }

  #written(bytes: Buffer, succeeded: boolean): void {
    this.#waitingBytes -= bytes.length;
    this.#isWriting = false;
    if (succeeded && this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      this.write(`${JSON.stringify({ level: "warn", dropped, msg: "log lines were dropped" })}\n`);
    } else if (!succeeded) {
      const lineFeed = 10;
      this.#dropped += bytes.filter((byte) => byte === lineFeed).length;
    }
    this.#next();
  }
}

/** @param level least severe messages that are written */
export function openLog(level: string, output: LogOutput): Logger {
  const options = {
    level,
    // Which process and host it is, whoever keeps the lines knows.
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, output);
}
