// The two threads of a sink, and the calls to it.

import { readFile } from "node:fs/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { newBell } from "./bell.js";
import type * as contract from "./component/interfaces/spillway-sink-types.js";
import { errorOf } from "./convert.js";
import { Answerer } from "./credentials.js";
import { NotTaken, type SpillwayError, Trapped } from "./errors.js";
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
  settle: (outcome: Outcome) => void;
  timer: NodeJS.Timeout | undefined;
}

/** An error is made where the caller waits, so that its stack names the caller. */
type Outcome = { value: unknown } | { error: () => SpillwayError };

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
  readonly #ready: Promise<void>;
  #settleReady!: () => void;

  static async start(options: ThreadOptions): Promise<Threads> {
    const threads = new Threads(await compiled(options.memoryBytesMax), options);
    await threads.#ready;
    // It may have died instead.
    if (threads.#trap !== undefined) throw new Trapped(threads.#trap.message);
    return threads;
  }

  private constructor(modules: SinkData["modules"], options: ThreadOptions) {
    this.#options = options;
    this.#ready = new Promise((settle) => (this.#settleReady = settle));
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
  async call<K extends keyof Calls>(
    name: K,
    args: Parameters<Calls[K]>,
    transfer: ArrayBuffer[] = [],
  ): Promise<ReturnType<Calls[K]>> {
    if (this.#trap !== undefined) throw new Trapped(this.#trap.message);
    const outcome = await new Promise<Outcome>((settle) => {
      this.#last += 1;
      const id = this.#last;
      const message: CallMessage = { id, name, args, refusals: this.#refusals };
      this.#sink.postMessage(message, transfer);
      this.#pending.set(id, { name, settle, timer: undefined });
      if (this.#pending.size === 1) this.#limit();
    });
    if ("error" in outcome) throw outcome.error();
    return outcome.value as ReturnType<Calls[K]>;
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([this.#sink.terminate(), this.#network.terminate()]);
  }

  #take(answer: Answer): void {
    switch (answer.kind) {
      case "ready":
        return this.#settleReady();
      case "progress":
        return this.#options.onProgress(answer.progress);
      case "trapped":
        return this.#die(this.#explained(answer.message, answer.memoryBytes));
      case "done":
        return this.#settle(answer.id, { value: answer.value });
      case "behind":
        return this.#settle(answer.id, {
          error: () => new NotTaken("a write or skip before this one failed; await each one"),
        });
      case "failed": {
        this.#refusals = answer.refusals;
        const cause = this.credentialsError;
        const options = cause === undefined ? undefined : { cause };
        return this.#settle(answer.id, { error: () => errorOf(answer.error, options) });
      }
    }
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    pending.settle(outcome);
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
    this.#settleReady();
    void this.end();
    // Nobody would hear of it before the next call, and there may be none.
    if (this.#pending.size === 0) process.emitWarning(why, "SpillwayTrapped");
    for (const { settle, timer } of this.#pending.values()) {
      clearTimeout(timer);
      settle({ error: () => new Trapped(why) });
    }
    this.#pending.clear();
  }

  #explained(message: string, memoryBytes: number): string {
    // It traps where its memory cannot grow, and does not say so.
    const mib = (bytes: number) => `${bytes / 2 ** 20} MiB`;
    const limit = `memoryBytesMax is ${mib(this.#options.memoryBytesMax)}`;
    return `the component trapped: ${message}; it used ${mib(memoryBytes)}, and ${limit}`;
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
