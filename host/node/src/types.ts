// What the package takes and returns. Positions are `bigint`; counts and sizes are `number`.

import type { SpillwayError } from "./errors.js";

/** Access keys, in the shape of the AWS SDK. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
  /** When they end. Without it they do not. */
  expiration?: Date | undefined;
}

/** What a function that provides credentials is told. */
export interface CredentialsRequest {
  /** The store refused what was returned before: do not return it from a cache. */
  forceRefresh: boolean;
  /** The bucket, as the configuration names it. */
  identity: string;
}

/** Any credential provider of the AWS SDK is one. */
export type CredentialsFunction = (
  request: CredentialsRequest,
) => Promise<Credentials> | Credentials;

/**
 * Where credentials come from. `"environment"`: the variables `AWS_ACCESS_KEY_ID`,
 * `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. `"aws-sdk"`: wherever the AWS SDK finds them; it
 * needs the package `@aws-sdk/credential-providers`.
 */
export type CredentialsSource = Credentials | CredentialsFunction | "environment" | "aws-sdk";

/** What goes into the object storage: the fields of docs/configuration.md, `[sink.config]`. */
export interface Config {
  bucket: string;
  [field: string]: unknown;
}

export interface OpenOptions {
  /** What an earlier `checkpoint` returned. The sink goes on at `position`. */
  state?: Uint8Array | undefined;
  /** Default: the environment if it has an access key, else the AWS SDK if it is installed. */
  credentials?: CredentialsSource | undefined;
  /**
   * Told what happened since it was last told, whenever something did. Without it, that is kept for
   * the next `poll`, `flush` or `close`. Failures are kept for them in any case.
   */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** How much memory the component may use, in bytes. Default: 1 GiB. */
  memoryBytesMax?: number | undefined;
  /**
   * How long one call may take, in milliseconds, with its waits for the store. The sink is ended
   * where one takes longer. Default: no limit.
   */
  callTimeoutMs?: number | undefined;
  /** Certificate authorities to trust beside those of Node, in PEM. */
  ca?: string | string[] | undefined;
}

export interface WriteOptions {
  /** The position of the first event. Default: where the last write ended. */
  first?: bigint | number | undefined;
  /** When the events happened: a `Date`, or nanoseconds since 1970. Default: now. */
  at?: Date | bigint | undefined;
  /**
   * Whether each line of a string or of bytes is an event, as in the package for Python. Default:
   * false, so `"a\nb"` is one event.
   */
  lines?: boolean | undefined;
}

export interface WritableOptions {
  /** Whether each line is an event. Otherwise each chunk is. Default: true. */
  lines?: boolean | undefined;
}

/** One event, also with line feeds in it; or a list with one event in each element. */
export type Data = Uint8Array | string | readonly (Uint8Array | string)[];

/** What became of a write. */
export interface Written {
  /** The position of the first event. */
  first: bigint;
  /** The position after the last event. */
  next: bigint;
  /** Those that the sink will never be able to store, with the reason. The others are accepted. */
  rejected: Rejection[];
}

export interface Rejection {
  position: bigint;
  reason: string;
}

/** How far a sink has come. The lists hold what is new. */
export interface Progress {
  /** Every event before this position is stored, or was rejected, or reported failed. */
  durable: bigint;
  /** Objects that became visible. */
  visible: VisibleObject[];
  /** Events that will not be stored. Each is reported once. */
  failed: Failure[];
  /** Objects wait for `commit`: take a checkpoint soon. */
  wantsCheckpoint: boolean;
  /** What an operator may want to read. */
  notices: Notice[];
  /** How many notices were dropped, since there were too many. */
  noticesDropped: number;
}

export interface VisibleObject {
  key: string;
  objectKey: string;
  first: bigint;
  last: bigint;
  events: number;
  bytes: number;
  /** 0 where it was put in one request. */
  parts: number;
}

/** The events with `key` at the positions from `first` to `last`, both included. */
export interface Failure {
  key: string;
  objectKey: string;
  /** The position of the first event of the object. */
  begun: bigint;
  first: bigint;
  last: bigint;
  events: number;
  cause: SpillwayError;
}

export interface Notice {
  level: "info" | "warning";
  message: string;
}

/** One thing that is wrong with a configuration or a call. */
export interface Problem {
  field: string;
  message: string;
}

/**
 * How a sink ends. `"complete"`: everything is stored. `"abort"`: what is not visible is given up
 * and reported failed. `"suspend"`: what the last committed checkpoint holds stays, to be resumed;
 * everything else ends, and is written again by whoever resumes.
 */
export type Ending = "complete" | "abort" | "suspend";

export interface Description {
  name: string;
  version: string;
  /** The JSON Schema (draft 2020-12) of the configuration. */
  configurationSchema: Record<string, unknown>;
}

export interface Metric {
  name: string;
  help: string;
  labels: Record<string, string>;
  value:
    | { type: "counter" | "gauge"; value: number }
    | {
        type: "histogram";
        /** Each counts the observations over the bound before it. */
        buckets: { bound: number; count: number }[];
        beyond: number;
        sum: number;
      };
}

export interface IncompleteUpload {
  objectKey: string;
  id: string;
  begun: Date | undefined;
  parts: number | undefined;
}

/** What a checkpoint holds. */
export interface SavedState {
  /** Where whoever resumes goes on. */
  nextPosition: bigint;
  configuration: Record<string, string>;
  objects: SavedObject[];
  toAbort: IncompleteUpload[];
}

export interface SavedObject {
  key: string;
  objectKey: string;
  id: string | undefined;
  first: bigint;
  last: bigint;
  events: number;
  bytes: number;
  /** How many of them the state itself holds. */
  heldBytes: number;
  phase: "open" | "sealed" | "committed" | "failed";
}
