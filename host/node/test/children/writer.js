// Writes lines from where its state says to the end, with a checkpoint after each batch, and prints
// the position of each. The test ends it at any time.

import * as fs from "node:fs";
import { open } from "spillway";
import { COUNT, keyOf, lineOf } from "./lines.js";
import { LOCAL } from "../support.js";

const [endpoint, file] = process.argv.slice(2);
const config = { bucket: "bucket", endpoint, commit: "checkpointed" };
const state = fs.existsSync(file) ? fs.readFileSync(file) : undefined;
const sink = await open(config, { state, credentials: LOCAL });

while (sink.position < COUNT) {
  const first = Number(sink.position);
  const key = keyOf(first);
  const events = [];
  for (let i = first; i < Math.min(first + 200, COUNT) && keyOf(i) === key; i += 1) {
    events.push(lineOf(i));
  }
  const { rejected } = await sink.write(key, events);
  if (rejected.length > 0) throw new Error(rejected[0].reason);
  await checkpoint();
  console.log(String(sink.position));
}
while ((await sink.flush()).wantsCheckpoint) await checkpoint();
await sink.close();

async function checkpoint() {
  const state = await sink.checkpoint();
  const descriptor = fs.openSync(`${file}.new`, "w");
  for (let at = 0; at < state.byteLength; ) at += fs.writeSync(descriptor, state, at);
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
  fs.renameSync(`${file}.new`, file);
  await sink.commit();
}
