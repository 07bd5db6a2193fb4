// The thread of one sink: takes calls one at a time, and polls between them.

import { parentPort, workerData } from "node:worker_threads";
import type * as contract from "../component/interfaces/spillway-sink-types.js";
import type { Sink } from "../component/interfaces/spillway-sink-sink.js";
import { newInstance } from "./instance.js";
import { type Answer, type CallMessage, type Calls, REFUSING, type SinkData } from "./protocol.js";

const data = workerData as SinkData;
const { component, http, memoryBytes } = await newInstance(data);
const POLL_EVERY_MS = 100;
let sink: Sink | undefined;
let timer: NodeJS.Timeout | undefined;
let isPollDue = false;
let refusals = 0;
let durable = -1n;

const calls: Calls = {
  describe: () => component.describe(),
  inspectState: (state) => component.inspectState(state),
  open(config, state) {
    http.allow(component.egress(config));
    const position = state === undefined ? 0n : component.inspectState(state).nextPosition;
    sink = component.Sink.open(config, state);
    data.network.on("message", (news) => {
      http.receive(news);
      pollSoon();
    });
    pollLater();
    return position;
  },
  write: (run) => opened().write([run]),
  skip: (to) => opened().skip(to),
  poll: () => opened().poll(),
  flush: () => opened().flush(),
  checkpoint: () => opened().checkpoint(),
  commit: () => opened().commit(),
  check: () => opened().check(),
  metrics: () => opened().metrics(),
  incompleteUploads: () => opened().incompleteUploads(),
  abortUpload: (objectKey, id) => opened().abortUpload(objectKey, id),
  close(how) {
    const progress = opened().close(how);
    const metrics = opened().metrics();
    sink = undefined;
    clearTimeout(timer);
    return { progress, metrics };
  },
};

parentPort!.on("message", (message: CallMessage) => {
  const { id, name, args } = message;
  if (REFUSING.has(name) && message.refusals < refusals) return tell({ kind: "behind", id });
  trapping(() => {
    try {
      const value = (calls[name] as (...args: unknown[]) => unknown)(...args);
      // A state may be large, and is nobody else's.
      tell({ kind: "done", id, value }, value instanceof Uint8Array ? [value.buffer] : []);
    } catch (error) {
      if (REFUSING.has(name)) refusals += 1;
      tell({ kind: "failed", id, error: payloadOf(error), refusals });
    }
  });
});

tell({ kind: "ready" });

function opened(): Sink {
  if (sink === undefined) throw { payload: { tag: "closed" } satisfies contract.Error };
  return sink;
}

/**
 * What the component answered: the payload of a `ComponentError`, or the error itself where the
 * function is of no resource. Anything else that was thrown is a trap.
 */
function payloadOf(error: unknown): contract.Error {
  if (typeof error === "object" && error !== null) {
    if (Object.hasOwn(error, "payload")) return (error as { payload: contract.Error }).payload;
    if (!(error instanceof Error) && Object.hasOwn(error, "tag")) return error as contract.Error;
  }
  throw error;
}

function pollSoon(): void {
  if (isPollDue) return;
  isPollDue = true;
  setImmediate(poll);
}

/** Objects may be due by time, and nothing else may happen until then. */
function pollLater(): void {
  clearTimeout(timer);
  timer = setTimeout(poll, POLL_EVERY_MS);
}

function poll(): void {
  isPollDue = false;
  if (sink === undefined) return;
  trapping(() => {
    try {
      const progress = opened().poll();
      if (isNews(progress)) tell({ kind: "progress", progress });
    } catch (error) {
      payloadOf(error);
    }
    pollLater();
  });
}

function isNews(progress: contract.Progress): boolean {
  const { visible, failed, notices, wantsCheckpoint } = progress;
  const hasMoved = progress.durable !== durable;
  durable = progress.durable;
  // It is said until it is done: whoever was busy with the last checkpoint has to hear it again.
  return hasMoved || wantsCheckpoint || visible.length + failed.length + notices.length > 0;
}

/** A component that trapped is never called again. The main thread ends this one. */
function trapping(call: () => void): void {
  try {
    call();
  } catch (error) {
    sink = undefined;
    clearTimeout(timer);
    tell({ kind: "trapped", message: String(error), memoryBytes: memoryBytes() });
  }
}

function tell(answer: Answer, transfer: ArrayBufferLike[] = []): void {
  parentPort!.postMessage(answer, transfer as ArrayBuffer[]);
}

