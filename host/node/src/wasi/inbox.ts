// What the network thread told, and the wait for more of it.

import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { ringCount, waitForRing } from "../bell.js";

/** Takes in messages of a port, also while this thread is in a call and cannot turn its loop. */
export class Inbox {
  readonly #port: MessagePort;
  readonly #bell: Int32Array;
  readonly #receive: (message: never) => void;

  constructor(port: MessagePort, bell: Int32Array, receive: (message: never) => void) {
    this.#port = port;
    this.#bell = bell;
    this.#receive = receive;
  }

  post(message: unknown, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  /**
   * Takes in what has come until `isDone`, or until `due`, by the monotonic clock in nanoseconds.
   */
  wait(isDone: () => boolean, due: bigint | undefined): void {
    for (;;) {
      const seen = ringCount(this.#bell);
      this.drain();
      if (isDone()) return;
      if (due === undefined) {
        waitForRing(this.#bell, seen);
        continue;
      }
      const left = due - process.hrtime.bigint();
      if (left <= 0n) return;
      waitForRing(this.#bell, seen, Number(left) / 1e6);
    }
  }

  drain(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#receive(received.message as never);
    }
  }
}
