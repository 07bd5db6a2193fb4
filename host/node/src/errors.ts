// Errors, by what the caller can do about them.

import type { Problem, Progress } from "./types.js";

export type ErrorKind =
  | "invalid"
  | "denied"
  | "unavailable"
  | "busy"
  | "aborted"
  | "closed"
  | "unknown-state"
  | "conflict"
  | "unsupported"
  | "not-taken"
  | "not-stored"
  | "trapped";

/** The base of all errors of this package. */
export abstract class SpillwayError extends Error {
  abstract readonly kind: ErrorKind;

  override get name(): string {
    return this.constructor.name;
  }
}

/** The configuration or the call is wrong. Trying again cannot help. */
export class Invalid extends SpillwayError {
  readonly kind = "invalid";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map(({ field, message }) => `${field}: ${message}`).join("; "), options);
    this.problems = problems;
  }
}

/** The store said no: credentials, permissions, a bucket that does not exist. */
export class Denied extends SpillwayError {
  readonly kind = "denied";
}

/** The store cannot be reached, and the sink's own attempts are spent. Try later. */
export class Unavailable extends SpillwayError {
  readonly kind = "unavailable";
}

/** Nothing was taken: only a commit makes room. Checkpoint, commit, and write again. */
export class Busy extends SpillwayError {
  readonly kind = "busy";
}

/** The sink was closed before these events were stored. */
export class Aborted extends SpillwayError {
  readonly kind = "aborted";
}

/** The sink is closed. */
export class Closed extends SpillwayError {
  readonly kind = "closed";
}

/** The state is damaged, or of another configuration or version. */
export class UnknownState extends SpillwayError {
  readonly kind = "unknown-state";
}

/** Another writer has replaced the stored state. */
export class Conflict extends SpillwayError {
  readonly kind = "conflict";
}

/** The component does not do what was asked. */
export class Unsupported extends SpillwayError {
  readonly kind = "unsupported";
}

/** A write or skip failed that this one was queued behind. Nothing of this one was taken. */
export class NotTaken extends SpillwayError {
  readonly kind = "not-taken";
}

/** Events that were accepted could not be stored. `progress.failed` has each with its cause. */
export class NotStored extends SpillwayError {
  readonly kind = "not-stored";
  readonly progress: Progress;

  constructor(progress: Progress, options?: ErrorOptions) {
    const { failed } = progress;
    const events = failed.reduce((sum, failure) => sum + failure.events, 0);
    const [one] = failed;
    const objects = new Set(failed.map(({ objectKey, begun }) => `${begun} ${objectKey}`)).size;
    const first = one && `${one.objectKey} (positions ${one.first} to ${one.last}): `;
    super(
      `${plural(events, "event")} of ${plural(objects, "object")} could not be stored; ` +
        `${first ?? ""}${one?.cause.message ?? ""}`,
      { cause: one?.cause, ...options },
    );
    this.progress = progress;
  }
}

/**
 * The component is dead: it trapped, exceeded a limit, or its thread ended. What was accepted and
 * is not durable is not stored, unless a checkpoint holds it.
 */
export class Trapped extends SpillwayError {
  readonly kind = "trapped";
}

export function invalid(field: string, message: string): Invalid {
  return new Invalid([{ field, message }]);
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
