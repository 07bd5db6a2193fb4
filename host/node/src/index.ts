export {
  Aborted,
  Busy,
  Closed,
  Conflict,
  Denied,
  type ErrorKind,
  Invalid,
  NotStored,
  NotTaken,
  SpillwayError,
  Trapped,
  Unavailable,
  UnknownState,
  Unsupported,
} from "./errors.js";
export { describe, inspectState, open } from "./open.js";
export type { Sink } from "./sink.js";
export type * from "./types.js";
