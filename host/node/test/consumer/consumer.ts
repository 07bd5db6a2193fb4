// A program as a user writes it, compiled with `strict` and run.

import {
  describe,
  inspectState,
  Invalid,
  NotStored,
  open,
  SpillwayError,
  type Config,
  type Credentials,
  type Progress,
  type Written,
} from "spillway";

const [endpoint] = process.argv.slice(2);
const config: Config = { bucket: "bucket", ...(endpoint !== undefined && { endpoint }) };
const keys: Credentials = { accessKeyId: "local", secretAccessKey: "local" };

async function main(): Promise<void> {
  {
    await using sink = await open(config, { credentials: async () => keys });
    const written: Written = await sink.write("typed", ["one", Buffer.from("two")], { first: 7 });
    const next: bigint = written.next;
    const stream: WritableStream<string | Uint8Array | readonly (string | Uint8Array)[]> =
      sink.writable("typed");
    const writer = stream.getWriter();
    await writer.write("three\n");
    await writer.close();
    console.log(next, sink.position);
  }
  const checkpointed = { ...config, commit: "checkpointed" };
  let state: Uint8Array;
  {
    await using sink = await open(checkpointed, { credentials: keys });
    await sink.write("resumed", "event");
    state = await sink.checkpoint();
    await sink.commit();
  }
  const position: bigint = (await inspectState(state)).nextPosition;
  const onProgress = ({ durable, failed }: Progress): void => console.log(durable, failed.length);
  const sink = await open(checkpointed, { state, credentials: keys, onProgress });
  if (sink.position !== position) throw new Error("it goes on elsewhere");
  while ((await sink.flush()).wantsCheckpoint) {
    await sink.checkpoint();
    await sink.commit();
  }
  try {
    // @ts-expect-error: what is wrong at run time is wrong for the compiler.
    await sink.write("typed", 5);
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    if (error instanceof Invalid) console.log(error.problems[0]?.field);
    if (error instanceof NotStored) console.log(error.progress.failed);
  }
  for (const { name, value } of await sink.metrics()) {
    if (value.type === "histogram") console.log(name, value.buckets.length > 0);
  }
  await sink.close("complete");
  console.log((await describe()).name);
}

await main();
