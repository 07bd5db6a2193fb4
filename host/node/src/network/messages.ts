// What the thread of a sink and its network thread tell each other.

import type { ErrorCode } from "../component/interfaces/wasi-http-types.js";

/** A request, with timeouts in milliseconds. Its body follows, if it has one. */
export interface RequestMessage {
  kind: "request";
  id: number;
  method: string;
  scheme: "http" | "https";
  authority: string;
  path: string;
  headers: [string, string][];
  hasBody: boolean;
  timeouts: Timeouts;
}

export interface Timeouts {
  connect: number;
  firstByte: number;
  betweenBytes: number;
}

/** To the network thread. */
export type Order =
  | { kind: "allow"; authorities: string[] }
  | RequestMessage
  | { kind: "body"; id: number; bytes: Uint8Array }
  | { kind: "finish"; id: number }
  | { kind: "consumed"; id: number; bytes: number }
  | { kind: "drop"; id: number };

/** From the network thread. */
export type News =
  | { kind: "sent"; id: number; bytes: number }
  | { kind: "response"; id: number; status: number; headers: [string, string][] }
  | { kind: "data"; id: number; bytes: Uint8Array }
  | { kind: "end"; id: number }
  | { kind: "failed"; id: number; code: ErrorCode };

/** How many bytes of a body may be on their way between the threads and to the socket. */
export const WINDOW_BYTES = 2 << 20;
