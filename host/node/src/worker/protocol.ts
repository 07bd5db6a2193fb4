// What the main thread and the thread of a sink tell each other.

import type { MessagePort } from "node:worker_threads";
import type * as contract from "../component/interfaces/spillway-sink-types.js";

export interface SinkData {
  /** The core modules of the component, compiled. */
  modules: Record<string, WebAssembly.Module>;
  /** The other end is the network thread. */
  network: MessagePort;
  /** The other end answers questions for credentials. */
  credentials: MessagePort;
  bell: Int32Array;
}

/** The calls that a sink thread takes, with what each returns. */
export interface Calls {
  describe(): contract.Description;
  inspectState(state: Uint8Array): contract.SavedState;
  /** Returns the position that the sink goes on with. */
  open(config: string, state: Uint8Array | undefined): bigint;
  write(run: contract.Run): contract.Rejection[];
  skip(to: bigint): void;
  poll(): contract.Progress;
  flush(): contract.Progress;
  checkpoint(): Uint8Array;
  commit(): void;
  check(): void;
  metrics(): contract.Metric[];
  incompleteUploads(): contract.IncompleteUpload[];
  abortUpload(objectKey: string, id: string): void;
  close(how: contract.Ending): { progress: contract.Progress; metrics: contract.Metric[] };
}

/** To the sink thread. Calls are made in this order, one at a time. */
export interface CallMessage {
  id: number;
  name: keyof Calls;
  args: unknown[];
  /**
   * How many refusals the caller had seen when it made the call. A call that was made in ignorance
   * of one is not carried out: see `REFUSING`.
   */
  refusals: number;
}

/** From the sink thread. */
export type Answer =
  | { kind: "ready" }
  | { kind: "done"; id: number; value: unknown }
  | { kind: "failed"; id: number; error: contract.Error; refusals: number }
  | { kind: "behind"; id: number }
  | { kind: "progress"; progress: contract.Progress }
  | { kind: "trapped"; message: string; memoryBytes: number };

export interface CredentialsQuestion {
  identity: string;
  fresh: boolean;
}

export type CredentialsAnswer =
  | {
      tag: "ok";
      val: {
        accessKeyId: string;
        secretAccessKey: string;
        sessionToken?: string;
        expiresAt?: bigint;
      };
    }
  | { tag: "err"; val: { tag: "not-configured" | "failed"; val: string } };

/**
 * Calls that take positions: none is carried out behind one of them that was refused. A checkpoint
 * is: whoever makes room by one may not know of the write that needs it.
 */
export const REFUSING: ReadonlySet<keyof Calls> = new Set(["write", "skip"]);
