// From the contract's records to those of this package.

import type * as contract from "./component/interfaces/spillway-sink-types.js";
import {
  Aborted,
  Busy,
  Closed,
  Conflict,
  Denied,
  Invalid,
  type SpillwayError,
  Unavailable,
  UnknownState,
  Unsupported,
} from "./errors.js";
import type * as types from "./types.js";

export function progressOf(progress: contract.Progress, cause: unknown): types.Progress {
  const { durable, visible, failed, wantsCheckpoint, notices, noticesDropped } = progress;
  const options = cause === undefined ? undefined : { cause };
  return {
    durable,
    visible: visible.map(({ events, bytes, ...object }) => ({
      ...object,
      events: Number(events),
      bytes: Number(bytes),
    })),
    failed: failed.map((failure) => ({
      ...failure,
      events: Number(failure.events),
      cause: errorOf(failure.cause, options),
    })),
    wantsCheckpoint,
    notices,
    noticesDropped: Number(noticesDropped),
  };
}

/**
 * Two reports as one. Failures are all kept; of the rest what a caller that never asks can spare.
 */
export function merged(earlier: types.Progress | undefined, later: types.Progress): types.Progress {
  if (earlier === undefined) return later;
  const notices = earlier.notices.concat(later.notices);
  const dropped = Math.max(0, notices.length - KEPT_MAX);
  return {
    durable: later.durable,
    visible: earlier.visible.concat(later.visible).slice(-KEPT_MAX),
    failed: earlier.failed.concat(later.failed),
    wantsCheckpoint: later.wantsCheckpoint,
    notices: notices.slice(-KEPT_MAX),
    noticesDropped: earlier.noticesDropped + later.noticesDropped + dropped,
  };
}

export function metricOf({ labels, value, ...metric }: contract.Metric): types.Metric {
  return { ...metric, labels: Object.fromEntries(labels), value: metricValueOf(value) };
}

function metricValueOf({ tag, val }: contract.MetricValue): types.Metric["value"] {
  if (tag !== "histogram") return { type: tag, value: val };
  const buckets = val.buckets.map(({ bound, count }) => ({ bound, count: Number(count) }));
  return { type: tag, buckets, beyond: Number(val.beyond), sum: val.sum };
}

export function uploadOf(upload: contract.IncompleteUpload): types.IncompleteUpload {
  const { objectKey, id, begun, parts } = upload;
  const date = begun === undefined ? undefined : new Date(Number(begun / 1_000_000n));
  return { objectKey, id, begun: date, parts };
}

export function savedStateOf(state: contract.SavedState): types.SavedState {
  return {
    nextPosition: state.nextPosition,
    configuration: Object.fromEntries(state.configuration),
    objects: state.objects.map(({ id, events, bytes, heldBytes, ...object }) => ({
      ...object,
      id,
      events: Number(events),
      bytes: Number(bytes),
      heldBytes: Number(heldBytes),
    })),
    toAbort: state.toAbort.map(uploadOf),
  };
}

export function descriptionOf(description: contract.Description): types.Description {
  const { configurationSchema: schema, ...rest } = description;
  return { ...rest, configurationSchema: JSON.parse(schema) as Record<string, unknown> };
}

/** What the component answered, as an error. */
export function errorOf(error: contract.Error, options?: ErrorOptions): SpillwayError {
  switch (error.tag) {
    case "invalid":
      return new Invalid(error.val, options);
    case "denied":
      return new Denied(error.val, options);
    case "unavailable":
      return new Unavailable(error.val, options);
    case "busy":
      return new Busy("the sink waits for a commit: checkpoint, commit, and try again", options);
    case "aborted":
      return new Aborted("the sink was closed before these events were stored", options);
    case "closed":
      return new Closed("the sink is closed", options);
    case "unknown-state":
      return new UnknownState(error.val, options);
    case "conflict":
      return new Conflict(error.val, options);
    case "unsupported":
      return new Unsupported(error.val, options);
  }
}

/** How many objects and notices are kept for a caller that does not ask. */
const KEPT_MAX = 1_000;
