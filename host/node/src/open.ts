// Opens sinks, and asks the component about itself.

import * as proven from "./arguments.js";
import type * as contract from "./component/interfaces/spillway-sink-types.js";
import { descriptionOf, savedStateOf } from "./convert.js";
import { providerOf } from "./credentials.js";
import { invalid } from "./errors.js";
import { OpenSink } from "./opened.js";
import type { Sink } from "./sink.js";
import { Threads } from "./threads.js";
import type * as types from "./types.js";
import { PAGE_BYTES } from "./worker/memory.js";

/**
 * Opens a sink. Without `state` it makes no request: `check` proves that the bucket can be written.
 */
export async function open(config: types.Config, options?: types.OpenOptions): Promise<Sink> {
  const json = proven.configuration(config);
  const given = proven.optionsOf(options, OPTIONS);
  const { state, onProgress } = given;
  if (onProgress !== undefined) proven.callback("onProgress", onProgress);
  // It may be in memory that the caller goes on to use.
  const copy = state === undefined ? undefined : new Uint8Array(proven.bytes("state", state));
  let sink: OpenSink | undefined;
  const early: contract.Progress[] = [];
  const threads = await Threads.start({
    provider: providerOf(given.credentials),
    memoryBytesMax: memory(given.memoryBytesMax),
    callTimeoutMs: timeout(given.callTimeoutMs),
    ca: certificates(given.ca),
    onProgress: (progress) => (sink === undefined ? early.push(progress) : sink.report(progress)),
  });
  try {
    const position = await threads.call("open", [json, copy]);
    const isCheckpointed = config.commit === "checkpointed";
    sink = new OpenSink({ threads, bucket: config.bucket, isCheckpointed, position, onProgress });
    for (const progress of early) sink.report(progress);
    return sink;
  } catch (error) {
    await threads.end();
    throw error;
  }
}

/** What the component is, with the schema of its configuration. */
export async function describe(): Promise<types.Description> {
  return descriptionOf(await asked((threads) => threads.call("describe", [])));
}

/** What a checkpoint holds. Needs no configuration. */
export async function inspectState(state: Uint8Array): Promise<types.SavedState> {
  const copy = new Uint8Array(proven.bytes("state", state));
  return savedStateOf(await asked((threads) => threads.call("inspectState", [copy])));
}

/** Asks a component that has nothing, and ends it. */
async function asked<T>(ask: (threads: Threads) => Promise<T>): Promise<T> {
  const threads = await Threads.start({
    provider: () => Promise.reject(new Error("none are given")),
    memoryBytesMax: MEMORY_BYTES,
    callTimeoutMs: undefined,
    ca: [],
    onProgress: () => {},
  });
  try {
    return await ask(threads);
  } finally {
    await threads.end();
  }
}

function memory(bytes: number | undefined): number {
  if (bytes === undefined) return MEMORY_BYTES;
  const least = 16 << 20;
  return proven.integer("memoryBytesMax", bytes, least, 65_536 * PAGE_BYTES);
}

function timeout(milliseconds: number | undefined): number | undefined {
  if (milliseconds === undefined) return undefined;
  return proven.integer("callTimeoutMs", milliseconds, 1, 2 ** 31 - 1);
}

function certificates(ca: string | string[] | undefined): string[] {
  if (ca === undefined) return [];
  const list = Array.isArray(ca) ? ca : [ca];
  for (const pem of list) {
    if (typeof pem !== "string") {
      throw invalid("ca", `expected a string, not ${proven.typeOf(pem)}`);
    }
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
      throw invalid("ca", "expected certificates in PEM");
    }
  }
  return list;
}

const MEMORY_BYTES = 1 << 30;
const OPTIONS = ["state", "credentials", "onProgress", "memoryBytesMax", "callTimeoutMs", "ca"];
