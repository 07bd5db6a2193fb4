// `wasi:io/poll` and the clocks.

import type { Inbox } from "./inbox.js";

/** Something that becomes ready by what the network thread tells, or by time. */
export class Pollable {
  readonly #isReady: () => boolean;
  readonly #due: bigint | undefined;

  constructor(isReady: () => boolean, due?: bigint) {
    this.#isReady = isReady;
    this.#due = due;
  }

  ready(): boolean {
    return this.#isReady() || (this.#due !== undefined && this.#due <= process.hrtime.bigint());
  }

  /** Waits until one of them is ready, and returns the indices of those that are. */
  static poll(inbox: Inbox, list: Pollable[]): Uint32Array {
    let due: bigint | undefined;
    for (const pollable of list) {
      if (pollable.#due !== undefined && (due === undefined || pollable.#due < due)) {
        due = pollable.#due;
      }
    }
    const isReady = () => list.some((pollable) => pollable.ready());
    inbox.wait(isReady, due);
    const indices = list.flatMap((pollable, index) => (pollable.ready() ? [index] : []));
    return Uint32Array.from(indices);
  }
}

export const monotonicClock = {
  now: () => process.hrtime.bigint(),
  subscribeInstant: (when: bigint) => new Pollable(() => false, when),
  subscribeDuration: (duration: bigint) =>
    new Pollable(() => false, process.hrtime.bigint() + duration),
};

export const wallClock = {
  now() {
    const milliseconds = Date.now();
    const seconds = Math.floor(milliseconds / 1e3);
    return { seconds: BigInt(seconds), nanoseconds: (milliseconds - seconds * 1e3) * 1e6 };
  },
};
