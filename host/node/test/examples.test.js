// The examples run, and the README shows them as they are.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bucket, ended } from "./support.js";

const examples = fileURLToPath(new URL("../examples", import.meta.url));

test("first", async (t) => {
  const store = await bucket(t);
  assert.equal(await run(store, "first.js"), "greetings.txt 24\n");
  assert.equal(store.object("greetings.txt").toString(), "hello\nbonjour\nguten Tag\n");
});

test("pipe", async (t) => {
  const store = await bucket(t);
  const { file, content } = numbers(t, 100_000);
  assert.equal(await run(store, "pipe.js", file), "stored 100000 lines\n");
  assert.equal(store.object("numbers").toString(), content);
});

test("exactly once, and on with what was added", async (t) => {
  const store = await bucket(t);
  const { file, content, folder } = numbers(t, 25_500);
  const state = join(folder, "state");
  const again = () => run(store, "exactly-once.js", file, state);
  assert.equal(await again(), "lines 0 to 25500 are stored\n");
  assert.equal(await again(), "lines 25500 to 25500 are stored\n");
  fs.appendFileSync(file, "added\n");
  assert.equal(await again(), "lines 25500 to 25501 are stored\n");
  assert.equal(store.object("numbers/0").toString(), content);
  assert.equal(store.object("numbers/25500").toString(), "added\n");
});

test("the README shows the examples", () => {
  const readme = fs.readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
  const contents = (name) => fs.readFileSync(join(examples, name), "utf8");
  const files = fs.readdirSync(examples).map(contents);
  for (const code of files) assert.equal(blocks.includes(code), true, code);
});

async function run({ endpoint }, name, ...args) {
  const env = {
    ...process.env, BUCKET: "bucket", AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local",
  };
  const child = spawn(process.execPath, [join(examples, name), ...args], {
    env, stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  assert.deepEqual(await ended(child), { code: 0, signal: null }, name);
  return output;
}

/** A file with so many lines. */
function numbers(t, count) {
  const folder = fs.mkdtempSync(join(tmpdir(), "spillway-node-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const content = Array.from({ length: count }, (_, i) => `${i}\n`).join("");
  const file = join(folder, "numbers");
  fs.writeFileSync(file, content);
  return { file, content, folder };
}
