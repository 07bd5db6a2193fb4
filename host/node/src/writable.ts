// A stream into a sink.

import { typeOf, wellFormed } from "./arguments.js";
import { Busy, invalid, NotTaken } from "./errors.js";
import { LINE_FEED } from "./events.js";
import type { Data, WriteOptions } from "./types.js";

type Write = (data: Data, options: WriteOptions) => Promise<unknown>;

/** `committed` resolves with the next commit of the sink. */
export function writableOf(
  write: Write,
  byLine: boolean,
  committed: () => Promise<void>,
): WritableStream<Data> {
  const lines = new Lines((data) => take(data, true));

  async function take(data: Data, lines: boolean): Promise<void> {
    for (;;) {
      const commit = committed();
      try {
        await write(data, { lines });
        return;
      } catch (error) {
        // What another stream wrote was refused. This one has its own order, and tries again.
        if (error instanceof NotTaken) continue;
        // Only a commit makes room. Whoever owns the sink makes it; until then the stream waits.
        if (!(error instanceof Busy)) throw error;
        await commit;
      }
    }
  }

  return new WritableStream<Data>({
    async write(chunk) {
      if (byLine && !Array.isArray(chunk)) {
        return await lines.add(bytesOf(chunk as Uint8Array | string));
      }
      await lines.settled();
      await take(chunk, false);
    },
    close: () => lines.end(),
    // What came whole stays with the sink.
    abort: () => lines.settled(),
  });
}

/**
 * Cuts bytes into lines. While one write is on its way, the lines that come wait for the next one,
 * so that a fast source costs few writes.
 */
class Lines {
  readonly #write: (lines: Uint8Array) => Promise<void>;
  /** The beginning of a line whose end has not come. */
  #begun: Uint8Array[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #sending: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(write: (lines: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Returns when more may come. The bytes are the caller's again then. */
  async add(bytes: Uint8Array): Promise<void> {
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      this.#wait(...this.#begun, bytes.subarray(0, end));
      this.#begun = [];
    }
    if (end < bytes.byteLength) this.#begun.push(Uint8Array.prototype.slice.call(bytes, end));
    while (this.#waitingBytes >= WAITING_BYTES_MAX) await this.#sending;
    this.#throwFailure();
  }

  /** The last line may lack its line feed. */
  async end(): Promise<void> {
    if (this.#begun.length > 0) this.#wait(...this.#begun);
    this.#begun = [];
    await this.settled();
  }

  /** Waits until the sink has taken all whole lines. */
  async settled(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
    this.#throwFailure();
  }

  #wait(...pieces: Uint8Array[]): void {
    if (this.#failure !== undefined) return;
    // A write copies what it takes before it returns; what waits is copied here.
    const isSentNow = this.#sending === undefined;
    for (const piece of pieces) {
      this.#waiting.push(isSentNow ? piece : Uint8Array.prototype.slice.call(piece));
      this.#waitingBytes += piece.byteLength;
    }
    if (isSentNow) this.#send();
  }

  #send(): void {
    const [first, ...more] = this.#waiting;
    const lines = more.length === 0 ? first! : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#sending = this.#write(lines).then(
      () => {
        this.#sending = undefined;
        if (this.#waitingBytes > 0) this.#send();
      },
      (error: unknown) => {
        this.#sending = undefined;
        this.#failure = { error };
        this.#waiting = [];
        this.#waitingBytes = 0;
      },
    );
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(wellFormed("chunk", chunk));
  if (chunk instanceof Uint8Array) return chunk;
  throw invalid("chunk", `expected a string, a Uint8Array or a list of them, not ${typeOf(chunk)}`);
}

/** About what one write should have. */
const WAITING_BYTES_MAX = 1 << 20;
