// A counter in shared memory that wakes a thread out of `Atomics.wait`. Whoever posts a message
// rings after it; whoever waits reads the counter before it looks for messages.

export function newBell(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

export function ring(bell: Int32Array): void {
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}

export function ringCount(bell: Int32Array): number {
  return Atomics.load(bell, 0);
}

/** Waits until the bell was rung more often than `seen` times, or for so many milliseconds. */
export function waitForRing(bell: Int32Array, seen: number, milliseconds?: number): void {
  Atomics.wait(bell, 0, seen, milliseconds);
}
