import * as fs from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { open } from "spillway";

const { BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint } = process.env;
const [file, stateFile] = process.argv.slice(2);
const config = { bucket, endpoint, commit: "checkpointed", key_template: "{key}/{first}" };
const state = fs.existsSync(stateFile) ? fs.readFileSync(stateFile) : undefined;
const sink = await open(config, { state });

const start = sink.position; // the line to go on with
let line = 0n;
let batch = [];
for await (const text of createInterface({ input: fs.createReadStream(file) })) {
  if (line++ < start) continue;
  batch.push(text);
  if (batch.length === 10_000) await store();
}
await store();
while ((await sink.flush()).wantsCheckpoint) await checkpoint();
await sink.close();
console.log(`lines ${start} to ${line} are stored`);

async function store() {
  await sink.write(basename(file), batch);
  batch = [];
  await checkpoint();
}

async function checkpoint() {
  const state = await sink.checkpoint();
  const stored = fs.openSync(`${stateFile}.new`, "w");
  fs.writeFileSync(stored, state);
  fs.fsyncSync(stored);
  fs.closeSync(stored);
  fs.renameSync(`${stateFile}.new`, stateFile); // the old state or the new one, never half of one
  await sink.commit();
}
