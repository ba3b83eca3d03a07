/** What was asked for cannot be done as things stand: a sentence, and exit code 1. */
export class FailedError extends Error {
  override readonly name = "FailedError";
}
