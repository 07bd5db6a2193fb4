// A stream into a sink.

import { typeOf } from "./arguments.js";
import { Busy, invalid } from "./errors.js";
import { LINE_FEED } from "./events.js";
import type { Data, WriteOptions } from "./types.js";

type Write = (data: Data, options: WriteOptions) => Promise<unknown>;

export function writableOf(
  write: Write,
  byLine: boolean,
  committed: () => Promise<void>,
): WritableStream<Data> {
  /** The beginning of a line whose end has not come. */
  let begun: Uint8Array[] = [];

  async function take(data: Data, lines: boolean): Promise<void> {
    for (;;) {
      const commit = committed();
      try {
        await write(data, { lines });
        return;
      } catch (error) {
        // Only a commit makes room. Whoever owns the sink makes it; until then the stream waits.
        if (!(error instanceof Busy)) throw error;
        await commit;
      }
    }
  }

  return new WritableStream<Data>({
    async write(chunk) {
      if (!byLine || Array.isArray(chunk)) return take(chunk, false);
      const bytes = bytesOf(chunk as Uint8Array | string);
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) {
        const whole = [...begun, bytes.subarray(0, end)];
        begun = [];
        await take(whole.length === 1 ? whole[0]! : Buffer.concat(whole), true);
      }
      // The chunk is its owner's again when this returns.
      if (end < bytes.byteLength) begun.push(Uint8Array.prototype.slice.call(bytes, end));
    },
    async close() {
      const rest = begun;
      begun = [];
      if (rest.length > 0) await take(Buffer.concat(rest), true);
    },
    abort() {
      begun = [];
    },
  });
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw invalid("chunk", `expected a string, a Uint8Array or a list of them, not ${typeOf(chunk)}`);
}
