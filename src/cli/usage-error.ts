/** What was typed cannot be meant: ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
