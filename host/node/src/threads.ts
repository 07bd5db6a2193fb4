// The two threads of a sink, and the calls to it.

import { readFile } from "node:fs/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { newBell } from "./bell.js";
import type * as contract from "./component/interfaces/spillway-sink-types.js";
import { Answerer } from "./credentials.js";
import { errorOf, NotTaken, SpillwayError, Trapped } from "./errors.js";
import type { NetworkData } from "./network/thread.js";
import type { CredentialsFunction } from "./types.js";
import { withMemoryBound } from "./worker/memory.js";
import type { Answer, CallMessage, Calls, SinkData } from "./worker/protocol.js";

export interface ThreadOptions {
  provider: CredentialsFunction;
  memoryBytesMax: number;
  callTimeoutMs: number | undefined;
  ca: string[];
  onProgress: (progress: contract.Progress) => void;
}

interface Pending {
  name: keyof Calls;
  resolve: (value: never) => void;
  reject: (error: SpillwayError) => void;
  timer: NodeJS.Timeout | undefined;
}

export class Threads {
  readonly #options: ThreadOptions;
  readonly #sink: Worker;
  readonly #network: Worker;
  readonly #credentials: Answerer;
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  #refusals = 0;
  #trap: Trapped | undefined;
  #isEnding = false;

  static async start(options: ThreadOptions): Promise<Threads> {
    return new Threads(await compiled(options.memoryBytesMax), options);
  }

  private constructor(modules: SinkData["modules"], options: ThreadOptions) {
    this.#options = options;
    const bell = newBell();
    const network = new MessageChannel();
    const credentials = new MessageChannel();
    this.#credentials = new Answerer(options.provider, credentials.port1, bell);
    this.#network = thread("./network/thread.js", {
      data: { port: network.port1, bell, ca: options.ca } satisfies NetworkData,
      transfer: [network.port1],
    });
    this.#sink = thread("./worker/thread.js", {
      data: {
        modules,
        network: network.port2,
        credentials: credentials.port2,
        bell,
      } satisfies SinkData,
      transfer: [network.port2, credentials.port2],
    });
    this.#sink.on("message", (answer: Answer) => this.#take(answer));
    for (const [worker, name] of [[this.#sink, "sink"], [this.#network, "network"]] as const) {
      worker.on("error", (error) => this.#die(`the ${name} thread failed: ${error.message}`));
      worker.on("exit", (code) => this.#die(`the ${name} thread ended with exit code ${code}`));
    }
    // It works for the sink, whose thread keeps the process alive.
    this.#network.unref();
  }

  /** Why every call fails from now on, if so. */
  get trap(): Trapped | undefined {
    return this.#trap;
  }

  /** What the source of the credentials threw when it was last asked. */
  get credentialsError(): unknown {
    return this.#credentials.thrown;
  }

  /** Queues a call behind those that were made before. */
  call<K extends keyof Calls>(
    name: K,
    args: Parameters<Calls[K]>,
    transfer: ArrayBuffer[] = [],
  ): Promise<ReturnType<Calls[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#trap !== undefined) return reject(new Trapped(this.#trap.message));
      this.#last += 1;
      const id = this.#last;
      const message: CallMessage = { id, name, args, refusals: this.#refusals };
      this.#sink.postMessage(message, transfer);
      this.#pending.set(id, { name, resolve, reject, timer: undefined });
      if (this.#pending.size === 1) this.#limit();
    });
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([this.#sink.terminate(), this.#network.terminate()]);
  }

  #take(answer: Answer): void {
    switch (answer.kind) {
      case "progress":
        return this.#options.onProgress(answer.progress);
      case "trapped":
        return this.#die(this.#explained(answer.message, answer.memoryBytes));
      case "done":
        return this.#settle(answer.id, ({ resolve }) => resolve(answer.value as never));
      case "behind":
        return this.#settle(answer.id, ({ reject }) =>
          reject(new NotTaken("a call before this one failed; await each one")),
        );
      case "failed":
        return this.#settle(answer.id, ({ reject }) => {
          const cause = this.credentialsError;
          reject(errorOf(answer.error, cause === undefined ? undefined : { cause }));
        });
    }
  }

  #settle(id: number, settle: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    settle(pending);
    this.#limit();
  }

  /** Limits the call that is made now: the others wait for it. */
  #limit(): void {
    const { callTimeoutMs } = this.#options;
    const [current] = this.#pending.values();
    if (callTimeoutMs === undefined || current === undefined) return;
    current.timer = setTimeout(() => {
      this.#die(`\`${current.name}\` took longer than callTimeoutMs, ${callTimeoutMs} ms`);
    }, callTimeoutMs);
  }

  /** Ends the threads, and with them the component. */
  #die(why: string): void {
    if (this.#isEnding) return;
    this.#trap = new Trapped(why);
    void this.end();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new Trapped(why));
    }
    this.#pending.clear();
  }

  #explained(message: string, memoryBytes: number): string {
    const max = this.#options.memoryBytesMax;
    // It traps where it cannot grow, and does not say so.
    const isFull = memoryBytes > max * 0.75;
    const used = `it had ${memoryBytes >> 20} MiB of memory, at most ${max >> 20} MiB`;
    return `the component trapped: ${message}${isFull ? `; ${used}: see memoryBytesMax` : ""}`;
  }
}

function thread(path: string, { data, transfer }: { data: object; transfer: never[] | object[] }) {
  return new Worker(new URL(path, import.meta.url), {
    workerData: data,
    transferList: transfer as never[],
    // Neither thread needs anything of these.
    env: {},
    execArgv: [],
    argv: [],
  });
}

/** The core modules, compiled once for all sinks with one bound. */
function compiled(memoryBytesMax: number): Promise<SinkData["modules"]> {
  let modules = cache.get(memoryBytesMax);
  if (modules === undefined) {
    modules = compile(memoryBytesMax);
    cache.set(memoryBytesMax, modules);
    modules.catch(() => cache.delete(memoryBytesMax));
  }
  return modules;
}

async function compile(memoryBytesMax: number): Promise<SinkData["modules"]> {
  const modules = CORE_MODULES.map(async (path) => {
    const bytes = await readFile(new URL(`./component/${path}`, import.meta.url));
    const bounded = withMemoryBound(new Uint8Array(bytes), memoryBytesMax);
    return [path, await WebAssembly.compile(bounded)] as const;
  });
  return Object.fromEntries(await Promise.all(modules));
}

const cache = new Map<number, Promise<SinkData["modules"]>>();
const CORE_MODULES = ["spillway.core.wasm", "spillway.core2.wasm", "spillway.core3.wasm"];
