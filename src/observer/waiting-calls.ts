// Calls of libvirt that are waited for, over all connections.
//
// INVARIANT: never do more than two wait in libvirt beyond their limit. Each keeps one of libvirt's
// workers, and a handful of them starves everyone. Nobody knows in advance which call will hang, so
// that every call that is under way may be one: those within their limit and those beyond it are two
// at most, together. A call is over when libvirt answers it or when its connection has died.

/** The bulk call, and one that is made while it hangs. */
const callsMax = 2;

/** One call that was made. */
export interface MadeCall<T> {
  /** Settles when libvirt is done with the call, however late. */
  readonly answer: Promise<T>;
  /** Its limit has passed: it is waited for no longer, or only by the way. */
  abandon(): void;
}

export class WaitingCalls {
  #underWay = 0;
  #abandoned = 0;
  #abandonedTotal = 0;

  /** Whether a call may be made now, even if it should hang. */
  get mayCall(): boolean {
    return this.#underWay < callsMax;
  }

  /** Calls that exceeded their limit and that libvirt still works on. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** Calls that ever exceeded their limit. */
  get abandonedTotal(): number {
    return this.#abandonedTotal;
  }

  /**
   * Makes a call, where `mayCall`.
   *
   * @param call has no limit of its own: what it returns settles only when libvirt is done with it
   */
  make<T>(call: () => Promise<T>): MadeCall<T> {
    if (!this.mayCall) throw new Error(`cannot call libvirt: ${callsMax} calls are under way`);
    this.#underWay += 1;
    let isAbandoned = false;
    let isOver = false;
    const answer = call();
    const over = (): void => {
      isOver = true;
      this.#underWay -= 1;
      if (isAbandoned) this.#abandoned -= 1;
    };
    answer.then(over, over);
    const abandon = (): void => {
      if (isOver || isAbandoned) return;
      isAbandoned = true;
      this.#abandoned += 1;
      this.#abandonedTotal += 1;
    };
    return { answer, abandon };
  }
}
