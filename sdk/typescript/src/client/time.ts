/** Waits for `milliseconds`, or until `signal` says to stop. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Wakes whoever waits; a ring that nobody waits for is heard by the next to wait. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  /** Wakes. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits for a ring, but not longer than `milliseconds`. */
  async wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const quit = new AbortController();
      const both = signal === undefined ? quit.signal : AbortSignal.any([quit.signal, signal]);
      const rung = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        await Promise.race([rung, sleep(milliseconds, both)]);
      } finally {
        this.#wake = undefined;
        // Nobody waits for this any more; its rejection is of no interest.
        quit.abort();
      }
    }
    this.#rung = false;
    signal?.throwIfAborted();
  }
}
