// From what a caller writes to a run of the contract. The bytes of the run are always a copy: the
// caller may change its own as soon as `write` has returned.

import type * as contract from "./component/interfaces/spillway-sink-types.js";
import { typeOf, wellFormed } from "./arguments.js";
import { invalid } from "./errors.js";

/** The events of one write. */
export interface Events {
  payload: Uint8Array<ArrayBuffer>;
  boundaries: contract.Boundaries;
  framing: contract.Framing;
  count: number;
}

export function eventsOf(data: unknown, lines: boolean): Events {
  if (lines) return ofLines(data);
  if (Array.isArray(data)) return ofList(data);
  return ofPieces([pieceOf("data", data)]);
}

/** Each line is an event. The last one may lack its line feed. */
function ofLines(data: unknown): Events {
  if (Array.isArray(data)) throw invalid("lines", "a list has an event in each element");
  const piece = pieceOf("data", data);
  if (piece.byteLength === 0) return { ...bare(new Uint8Array(), []), count: 0 };
  const isWhole = piece[piece.byteLength - 1] === LINE_FEED;
  const payload = new Uint8Array(bounded(piece.byteLength + (isWhole ? 0 : 1)));
  payload.set(piece);
  if (!isWhole) payload[piece.byteLength] = LINE_FEED;
  return framed(payload, countLines(payload));
}

function ofList(list: unknown[]): Events {
  if (list.includes(undefined)) throw invalid("data", "expected no undefined element");
  // The most common list, and the cheapest: the sink finds the line feeds itself.
  if (list.length > 0 && list.every((event) => typeof event === "string")) {
    const texts = list as string[];
    if (!texts.some((event) => event.includes("\n"))) {
      const joined = wellFormed("data", `${texts.join("\n")}\n`);
      return framed(encoded(joined), texts.length);
    }
  }
  return ofPieces(list.map((event, index) => pieceOf(`data[${index}]`, event)));
}

function ofPieces(pieces: Uint8Array[]): Events {
  const payload = new Uint8Array(bounded(pieces.reduce((sum, { byteLength: n }) => sum + n, 0)));
  let at = 0;
  const ends = pieces.map((piece) => {
    payload.set(piece, at);
    at += piece.byteLength;
    return at;
  });
  return bare(payload, ends);
}

function bare(payload: Uint8Array<ArrayBuffer>, ends: number[]): Events {
  const boundaries = { tag: "at", val: Uint32Array.from(ends) } as const;
  return { payload, boundaries, framing: "bare", count: ends.length };
}

function framed(payload: Uint8Array<ArrayBuffer>, count: number): Events {
  return { payload, boundaries: { tag: "lines", val: count }, framing: "newline", count };
}

function pieceOf(field: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string") return encoded(wellFormed(field, data));
  const expected = field === "data" ? "a string, a Uint8Array or a list of them" : "either";
  throw invalid(field, `expected ${expected}, not ${typeOf(data)}`);
}

function encoded(text: string): Uint8Array<ArrayBuffer> {
  bounded(text.length);
  const bytes = encoder.encode(text);
  bounded(bytes.byteLength);
  return bytes;
}

function bounded(bytes: number): number {
  if (bytes <= WRITE_BYTES_MAX) return bytes;
  throw invalid("data", `expected at most ${WRITE_BYTES_MAX} bytes in one write, not ${bytes}`);
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) {
    count += 1;
  }
  return count;
}

const encoder = new TextEncoder();
export const LINE_FEED = 10;
/** What is written at once is in memory more than once. */
const WRITE_BYTES_MAX = 256 << 20;
