// How a call of a session fails, beside the errors of the client (client/errors.ts).

/** What went wrong; a closed set. */
export type SessionErrorCode =
  /** A claim could not be had on every host; the cause says why. Do not begin the operation. */
  | "not-claimed"
  /** The operation was finished while it was being claimed. */
  | "finished"
  /** The VM has an operation of that id already. */
  | "operation-in-use"
  /** The session does not have this operation. */
  | "unknown-operation"
  | "invalid-operation"
  /** The report is of a store that the host no longer has, or not yet. */
  | "other-store"
  /** Not every host could be told; the cause says why. */
  | "not-told"
  /** `forgetHost` was called for it. */
  | "forgotten-host"
  /** `stop` was called. */
  | "stopped";

export class SessionError extends Error {
  override readonly name = "SessionError";
  readonly code: SessionErrorCode;

  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The session is over: another process speaks under this id, or did. Nothing more is sent. Go on with
 * a new session of epoch `currentEpoch + 1`, if this process is the one that should live.
 */
export class SupersededError extends Error {
  override readonly name = "SupersededError";
  /** stale-epoch: with a higher epoch; instance-conflict: with the same one. */
  readonly code: "stale-epoch" | "instance-conflict";
  readonly currentEpoch: number;

  constructor(
    code: "stale-epoch" | "instance-conflict",
    currentEpoch: number,
    options?: ErrorOptions,
  ) {
    super(
      `cannot go on with this session: another process has spoken under its id with epoch ${currentEpoch}; begin a new one with epoch ${currentEpoch + 1}`,
      options,
    );
    this.code = code;
    this.currentEpoch = currentEpoch;
  }
}
