// What a caller holds of an open sink.

import type {
  Data,
  Ending,
  IncompleteUpload,
  Metric,
  Progress,
  WritableOptions,
  WriteOptions,
  Written,
} from "./types.js";

/**
 * Takes events, and stores them as objects. Calls are queued, and made one at a time. Await each
 * one: nothing else slows down a caller that is faster than the store.
 *
 * Each call rejects with a `SpillwayError`. Arguments are proven before the component sees them.
 */
export interface Sink extends AsyncDisposable {
  /** The position of the next event: the one after the last that was written or skipped. */
  readonly position: bigint;

  /**
   * Writes events with one key. Resolves when the sink has taken them, and waits while it is full.
   * Accepted is not stored: `progress.durable` says what is, and `flush` waits for it.
   *
   * A string is one event, also with line feeds in it: `"a\nb"` is two only with `lines: true`.
   * (The package for Python differs: there a string is lines.)
   *
   * All or nothing: where it rejects, none was taken.
   */
  write(key: string, data: Data, options?: WriteOptions): Promise<Written>;

  /** Says that no event before this position is still to come, so that `durable` can reach it. */
  skip(to: bigint | number): Promise<void>;

  /**
   * What happened since the last report. Never waits for the store. The sink polls by itself: this
   * is for those who want to know, and have no `onProgress`.
   */
  poll(): Promise<Progress>;

  /**
   * Ends all open objects, and waits until they are stored, or wait for `commit` alone: then
   * `wantsCheckpoint` is true. Rejects with `NotStored` where events failed that no call returned
   * before.
   */
  flush(): Promise<Progress>;

  /** The state to resume from. Store it, then call `commit`. It holds no secret. */
  checkpoint(): Promise<Uint8Array>;

  /** The last checkpoint is stored: objects that had ended before it become visible. */
  commit(): Promise<void>;

  /** Proves that the bucket can be written, and leaves nothing behind. */
  check(): Promise<void>;

  /** The sink's numbers. After `close`, those that it ended with. */
  metrics(): Promise<Metric[]>;

  /** Uploads that were begun under names of this configuration, and not completed. */
  incompleteUploads(): Promise<IncompleteUpload[]>;

  /** Aborts one of them. Its writer, if there is one, loses it. */
  abortUpload(upload: { objectKey: string; id: string }): Promise<void>;

  /**
   * A stream into this sink. Bytes and strings are cut into lines, each an event. Closing it writes
   * the last line if it has no line feed; the sink stays open.
   */
  writable(key: string, options?: WritableOptions): WritableStream<Data>;

  /**
   * Ends the sink, and its threads. With `"complete"`, the default, and with `"suspend"` it rejects
   * with `NotStored` where events failed that no call returned before; the sink is closed then,
   * too. With `"complete"` it rejects with `Busy`, and stays open, where objects wait for `commit`.
   */
  close(how?: Ending): Promise<Progress>;

  /**
   * For `await using`. Without checkpoints: completes, also after an exception, so that nothing
   * that was accepted is lost. With checkpoints: suspends, to be resumed from the last one.
   */
  [Symbol.asyncDispose](): Promise<void>;
}
