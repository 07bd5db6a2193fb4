// The lines that the child writes, and the test expects.

export const COUNT = 30_000;

/** Two large objects and a small one. */
export function keyOf(index) {
  return ["first", "second", "third"][Math.floor(index / 13_000)];
}

export function lineOf(index) {
  return `${index} ${"x".repeat(index % 1_500)}`;
}
