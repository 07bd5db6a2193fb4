// A sink that is open: proves what it is given, and keeps the order of calls.

import { inspect } from "node:util";
import * as proven from "./arguments.js";
import type * as contract from "./component/interfaces/spillway-sink-types.js";
import { merged, metricOf, progressOf, uploadOf } from "./convert.js";
import { Closed, invalid, NotStored } from "./errors.js";
import { eventsOf } from "./events.js";
import type { Sink } from "./sink.js";
import type { Threads } from "./threads.js";
import type * as types from "./types.js";
import { writableOf } from "./writable.js";

/** What `open` knows of a sink. */
export interface Opened {
  threads: Threads;
  bucket: string;
  isCheckpointed: boolean;
  position: bigint;
  onProgress: ((progress: types.Progress) => void) | undefined;
}

export class OpenSink implements Sink {
  readonly #threads: Threads;
  readonly #bucket: string;
  readonly #isCheckpointed: boolean;
  readonly #onProgress: ((progress: types.Progress) => void) | undefined;
  #position: bigint;
  /** What was reported, and nobody has taken yet. */
  #held: types.Progress | undefined;
  #state: "open" | "closing" | "closed" = "open";
  #lastMetrics: types.Metric[] = [];
  #committed = deferred();

  constructor({ threads, bucket, isCheckpointed, position, onProgress }: Opened) {
    this.#threads = threads;
    this.#bucket = bucket;
    this.#isCheckpointed = isCheckpointed;
    this.#position = position;
    this.#onProgress = onProgress;
  }

  get position(): bigint {
    return this.#position;
  }

  async write(
    key: string,
    data: types.Data,
    options?: types.WriteOptions,
  ): Promise<types.Written> {
    proven.text("key", key);
    const { first, at, lines } = proven.optionsOf(options, ["first", "at", "lines"]);
    const events = eventsOf(data, lines === undefined ? false : proven.flag("lines", lines));
    const from = first === undefined ? this.#position : this.#notBefore("first", first);
    const run: contract.Run = {
      key,
      first: from,
      ...(at !== undefined && { at: proven.moment("at", at) }),
      payload: { tag: "bytes", val: events.payload },
      boundaries: events.boundaries,
      framing: events.framing,
    };
    this.#refuseIfClosed();
    const next = from + BigInt(events.count);
    if (next > END) throw invalid("first", "the positions of the events pass 2^64 - 1");
    if (events.count === 0) return { first: from, next: from, rejected: [] };
    const rejected = await this.#advancing(next, () =>
      this.#threads.call("write", [run], [events.payload.buffer]),
    );
    return { first: from, next, rejected };
  }

  async skip(to: bigint | number): Promise<void> {
    const position = this.#notBefore("to", to);
    this.#refuseIfClosed();
    await this.#advancing(position, () => this.#threads.call("skip", [position]));
  }

  async poll(): Promise<types.Progress> {
    this.#refuseIfClosed();
    return this.#reported(await this.#threads.call("poll", []));
  }

  async flush(): Promise<types.Progress> {
    this.#refuseIfClosed();
    return this.#allStored(this.#reported(await this.#threads.call("flush", [])));
  }

  async checkpoint(): Promise<Uint8Array> {
    this.#refuseIfClosed();
    return await this.#threads.call("checkpoint", []);
  }

  async commit(): Promise<void> {
    this.#refuseIfClosed();
    await this.#threads.call("commit", []);
    this.#committed.resolve();
    this.#committed = deferred();
  }

  async check(): Promise<void> {
    this.#refuseIfClosed();
    await this.#threads.call("check", []);
  }

  async metrics(): Promise<types.Metric[]> {
    if (this.#state === "closed") return this.#lastMetrics;
    return (await this.#threads.call("metrics", [])).map(metricOf);
  }

  async incompleteUploads(): Promise<types.IncompleteUpload[]> {
    this.#refuseIfClosed();
    return (await this.#threads.call("incompleteUploads", [])).map(uploadOf);
  }

  async abortUpload(upload: { objectKey: string; id: string }): Promise<void> {
    if (typeof upload !== "object" || upload === null) {
      throw invalid("upload", `expected an object, not ${proven.typeOf(upload)}`);
    }
    const objectKey = proven.text("upload.objectKey", upload.objectKey);
    const id = proven.text("upload.id", upload.id);
    this.#refuseIfClosed();
    await this.#threads.call("abortUpload", [objectKey, id]);
  }

  writable(key: string, options?: types.WritableOptions): WritableStream<types.Data> {
    proven.text("key", key);
    const { lines } = proven.optionsOf(options, ["lines"]);
    const byLine = lines === undefined ? true : proven.flag("lines", lines);
    const write = (data: types.Data, options: types.WriteOptions) => this.write(key, data, options);
    return writableOf(write, byLine, () => this.#committed.promise);
  }

  async close(how: types.Ending = "complete"): Promise<types.Progress> {
    proven.oneOf("how", how, ["complete", "abort", "suspend"]);
    this.#refuseIfClosed();
    this.#state = "closing";
    let closed;
    try {
      closed = await this.#threads.call("close", [how]);
    } catch (error) {
      this.#state = this.#threads.trap === undefined ? "open" : "closed";
      throw error;
    }
    this.#state = "closed";
    this.#lastMetrics = closed.metrics.map(metricOf);
    await this.#threads.end();
    const progress = this.#reported(closed.progress);
    return how === "abort" ? progress : this.#allStored(progress);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "open") return;
    await this.close(this.#isCheckpointed ? "suspend" : "complete");
  }

  [inspect.custom](): string {
    const position = `position: ${this.#position}`;
    return `Sink { bucket: ${inspect(this.#bucket)}, ${position}, state: '${this.#state}' }`;
  }

  /** Takes a report that nobody asked for. */
  report(progress: contract.Progress): void {
    const report = progressOf(progress, this.#threads.credentialsError);
    if (this.#onProgress === undefined) {
      this.#held = merged(this.#held, report);
    } else {
      // A callback may be there for something else: a failure counts until a call has returned it.
      this.#held = merged(this.#held, { ...report, visible: [], notices: [], noticesDropped: 0 });
      this.#onProgress(report);
    }
  }

  #reported(progress: contract.Progress): types.Progress {
    const report = progressOf(progress, this.#threads.credentialsError);
    const all = merged(this.#held, report);
    this.#held = undefined;
    this.#onProgress?.(report);
    return all;
  }

  #allStored(progress: types.Progress): types.Progress {
    if (progress.failed.length === 0) return progress;
    throw new NotStored(progress);
  }

  /** Makes a call that moves the position on, and takes that back where it is refused. */
  async #advancing<T>(next: bigint, call: () => Promise<T>): Promise<T> {
    const before = this.#position;
    this.#position = next;
    try {
      return await call();
    } catch (error) {
      // What was queued behind it is refused, too: the first refusal has the least position.
      if (before < this.#position) this.#position = before;
      throw error;
    }
  }

  #notBefore(field: string, value: bigint | number): bigint {
    const position = proven.position(field, value);
    if (position >= this.#position) return position;
    const expected = `expected ${this.#position} or more, where the last write ended`;
    throw invalid(field, `${expected}, not ${position}`);
  }

  #refuseIfClosed(): void {
    if (this.#state !== "open") throw new Closed("the sink is closed");
  }
}

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

const END = 2n ** 64n - 1n;
