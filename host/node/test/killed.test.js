// Exactly once: a process that is killed, and another one that goes on.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspectState } from "spillway";
import { COUNT, keyOf, lineOf } from "./children/lines.js";
import { bucket, ended } from "./support.js";

const KILLS = 6;

test("each line is stored exactly once, however often the writer is killed", async (t) => {
  const seed = Number(process.env.SPILLWAY_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SPILLWAY_SEED=${seed}`);
  const random = generator(seed);
  const store = await bucket(t);
  const folder = mkdtempSync(join(tmpdir(), "spillway-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const state = join(folder, "state");

  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = writer(store.endpoint, state);
    const exit = ended(child);
    // After so many checkpoints, and at any moment of the next one.
    let left = 1 + Math.floor(random() * 9);
    for await (const _ of createInterface({ input: child.stdout })) {
      left -= 1;
      if (left === 0) setTimeout(() => child.kill("SIGKILL"), random() * 10);
    }
    assert.deepEqual(await exit, { code: null, signal: "SIGKILL" }, `kill ${kill}`);
  }
  const { nextPosition } = await inspectState(readFileSync(state));
  assert.equal(nextPosition < BigInt(COUNT), true, "the kills came before the end");
  const last = writer(store.endpoint, state);
  last.stdout.resume();
  assert.deepEqual(await ended(last), { code: 0, signal: null });

  const expected = new Map();
  for (let i = 0; i < COUNT; i += 1) {
    expected.set(keyOf(i), (expected.get(keyOf(i)) ?? "") + `${lineOf(i)}\n`);
  }
  for (const [key, content] of expected) {
    assert.equal(store.object(key).equals(Buffer.from(content)), true, key);
  }
});

function writer(endpoint, state) {
  const file = fileURLToPath(new URL("./children/writer.js", import.meta.url));
  const child = spawn(process.execPath, [file, endpoint, state], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return child;
}

/** https://prng.di.unimi.it/splitmix64.c, in 32 bits. */
function generator(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
