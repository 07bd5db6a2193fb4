// A component or a thread that ends, and what becomes of its calls.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspectState, NotTaken, Trapped } from "spillway";
import { bucket, ended, opened } from "./support.js";

test("a component that needs more memory than it has", async (t) => {
  const { config } = await bucket(t);
  const sink = await opened(t, config, { memoryBytesMax: 32 << 20 });
  const event = new Uint8Array(24 << 20);
  // Those that are queued fail as well.
  const [first, second] = await Promise.allSettled([sink.write("a", event), sink.flush()]);
  assert.equal(first.reason instanceof Trapped, true, String(first.reason));
  assert.match(first.reason.message, /the component trapped: .*memoryBytesMax/);
  assert.equal(second.reason instanceof Trapped, true);
  for (const call of [() => sink.write("a", "x"), () => sink.poll(), () => sink.close()]) {
    await assert.rejects(call(), { kind: "trapped", message: first.reason.message });
  }
});

test("the same memory is enough for small events", async (t) => {
  const { config, object } = await bucket(t);
  const small = { part_bytes: 5 << 20, memory_bytes_max: 6 << 20, requests_in_flight_max: 1 };
  const sink = await opened(t, { ...config, ...small }, { memoryBytesMax: 32 << 20 });
  const event = new Uint8Array((1 << 20) - 1);
  for (let i = 0; i < 40; i += 1) await sink.write("a", event);
  await sink.close();
  assert.equal(object("a").byteLength, 40 << 20);
});

test("a call that takes longer than it may", async (t) => {
  const silent = await silentServer(t);
  const config = { bucket: "bucket", endpoint: silent };
  const sink = await opened(t, config, { callTimeoutMs: 3_000 });
  await sink.write("key", "event");
  await assert.rejects(sink.flush(), (error) => {
    assert.equal(error instanceof Trapped, true);
    assert.match(error.message, /`flush` took longer than callTimeoutMs, 3000 ms/);
    return true;
  });
  await assert.rejects(sink.poll(), Trapped);
});

test("a thread that ends", async (t) => {
  for (const which of ["network", "worker"]) {
    const threads = [];
    const note = (thread) => threads.push(thread);
    process.on("worker", note);
    const sink = await opened(t, { bucket: "bucket", endpoint: await silentServer(t) });
    process.off("worker", note);
    assert.equal(threads.length, 2);
    await sink.write("key", "event");
    const pending = Promise.allSettled([sink.flush(), sink.poll()]);
    await threads[which === "network" ? 0 : 1].terminate();
    for (const { reason } of await pending) {
      assert.equal(reason instanceof Trapped, true, String(reason));
      assert.match(reason.message, /thread ended/);
    }
    await assert.rejects(sink.write("key", "event"), Trapped);
    await assert.rejects(sink[Symbol.asyncDispose](), Trapped);
  }
});

test("a thread that ends while nobody waits says so", async (t) => {
  const threads = [];
  const note = (thread) => threads.push(thread);
  process.on("worker", note);
  await opened(t, { bucket: "bucket", endpoint: await silentServer(t) });
  process.off("worker", note);
  const warned = new Promise((resolve) => process.once("warning", resolve));
  await threads[1].terminate();
  const { name, message } = await warned;
  assert.deepEqual([name, message], ["SpillwayTrapped", "the sink thread ended with exit code 1"]);
});

test("calls behind one that failed are not carried out", async (t) => {
  const { config } = await bucket(t);
  // Each key ends the object before it, which then waits for a commit.
  const small = { part_bytes: 5 << 20, memory_bytes_max: 8 << 20, max_open_objects: 1 };
  const sink = await opened(t, { ...config, ...small, commit: "checkpointed" });
  // As much as only a commit makes room for, without waiting in between.
  const event = new Uint8Array(1 << 20);
  let written = 0n;
  let refused;
  while (refused === undefined) {
    const calls = await Promise.allSettled([
      sink.write(`key-${written}`, event), sink.write("behind", event), sink.checkpoint(),
    ]);
    const [one, behind, checkpoint] = calls;
    if (one.status === "rejected") {
      refused = one.reason;
      assert.equal(behind.reason instanceof NotTaken, true, String(behind.reason));
      // It says how far it came, and is the way out.
      assert.equal(checkpoint.status, "fulfilled");
      assert.equal((await inspectState(checkpoint.value)).nextPosition, written);
    } else if (behind.status === "rejected") {
      refused = behind.reason;
      written += 1n;
    } else {
      written += 2n;
    }
    assert.equal(written < 100n, true, "it never refused");
  }
  assert.equal(refused.kind, "busy");
  assert.equal(sink.position, written);
  // The caller knows of the refusal now, and goes on.
  await sink.checkpoint();
  await sink.commit();
  assert.equal((await sink.write("behind", "x")).first, written);
  await sink.close("suspend");
});

test("a process ends when its sinks are closed, and not before", async (t) => {
  const { endpoint, object } = await bucket(t);
  const child = node("sinks.js", endpoint);
  assert.deepEqual(await ended(child), { code: 0, signal: null });
  assert.equal(object("by-time-0").toString(), "event\n");
});

/** A server that takes requests and answers none. */
async function silentServer(t) {
  const server = createServer(() => {});
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

function node(file, ...args) {
  const path = fileURLToPath(new URL(`./children/${file}`, import.meta.url));
  return spawn(process.execPath, [path, ...args], { stdio: ["ignore", "inherit", "inherit"] });
}
