// The log: JSON lines on standard output, constant messages, data in fields.

import { type Logger, pino } from "pino";

/** @param level least severe messages that are written */
export function openLog(level: string): Logger {
  const options = {
    level,
    // Which process and host it is, whoever keeps the lines knows.
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Synchronous: the last line before the end is the one that is needed.
  return pino(options, pino.destination({ fd: 1, sync: true }));
}
