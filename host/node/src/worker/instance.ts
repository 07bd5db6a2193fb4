// The component, with all that it is given: its bucket's authority, time, chance, credentials.

import { randomBytes } from "node:crypto";
import { receiveMessageOnPort } from "node:worker_threads";
import { ringCount, waitForRing } from "../bell.js";
import { instantiate, type ImportObject, type Root } from "../component/spillway.js";
import * as wasi from "../wasi/http.js";
import { monotonicClock, Pollable, wallClock } from "../wasi/poll.js";
import type { CredentialsAnswer, CredentialsQuestion, SinkData } from "./protocol.js";

export interface Instance {
  component: Root["sink"];
  http: wasi.Http;
  /** How large its memories are now. */
  memoryBytes(): number;
}

export async function newInstance(data: SinkData): Promise<Instance> {
  const http = new wasi.Http(data.network, data.bell);
  const memories: WebAssembly.Memory[] = [];
  const imports = {
    "spillway:s3/credentials": { get: (...asked: [string, boolean]) => ask(data, ...asked) },
    "spillway:sink/types": {},
    "wasi:clocks/monotonic-clock": monotonicClock,
    "wasi:clocks/wall-clock": wallClock,
    "wasi:http/outgoing-handler": { handle: http.handle.bind(http) },
    "wasi:http/types": { ...wasi, httpErrorCode: (error: wasi.IoError) => error.code },
    "wasi:io/error": { Error: wasi.IoError },
    "wasi:io/poll": { Pollable, poll: (list: Pollable[]) => Pollable.poll(http.inbox, list) },
    "wasi:io/streams": wasi,
    "wasi:random/random": { getRandomU64: () => randomBytes(8).readBigUInt64LE() },
  };
  const root = await instantiate(
    (path) => data.modules[path] as WebAssembly.Module,
    imports as unknown as ImportObject,
    async (module, coreImports) => {
      const instance = await WebAssembly.instantiate(module, coreImports);
      const { memory } = instance.exports;
      if (memory instanceof WebAssembly.Memory) memories.push(memory);
      return instance;
    },
  );
  const memoryBytes = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  return { component: root.sink, http, memoryBytes };
}

/** Asks the main thread, and stands still until it has answered. */
function ask({ credentials, bell }: SinkData, identity: string, fresh: boolean) {
  credentials.postMessage({ identity, fresh } satisfies CredentialsQuestion);
  for (;;) {
    const seen = ringCount(bell);
    const received = receiveMessageOnPort(credentials);
    if (received !== undefined) {
      const answer = received.message as CredentialsAnswer;
      if (answer.tag === "err") throw answer.val;
      return answer.val;
    }
    waitForRing(bell, seen);
  }
}
