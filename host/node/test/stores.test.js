// What arrives in the bucket.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Closed } from "spillway";
import { bucket, opened, resolvers } from "./support.js";

test("100 MiB arrive as they are", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  const hash = createHash("sha256");
  for (let i = 0; i < 100; i += 1) {
    // Neither UTF-8 nor without line feeds.
    const event = randomBytes(1 << 20);
    hash.update(event).update("\n");
    await sink.write("large", event);
  }
  const { durable, visible } = await sink.close();
  assert.equal(durable, 100n);
  assert.equal(visible.at(-1).parts > 1, true, "it is a multipart upload");
  const stored = createHash("sha256").update(store.object("large")).digest("hex");
  assert.equal(stored, hash.digest("hex"));
});

test("each kind of data", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  const cases = {
    string: ["one", {}, "one\n", 1],
    empty: ["", {}, "\n", 1],
    bytes: [Buffer.from([0xff, 0xfe, 0]), {}, Buffer.from([0xff, 0xfe, 0, 10]), 1],
    list: [["a", "é", ""], {}, "a\né\n\n", 3],
    "list with a line feed": [["a\nb", "c"], {}, "a\nb\nc\n", 2],
    "mixed list": [["a", Buffer.from([0xff])], {}, Buffer.from([97, 10, 0xff, 10]), 2],
    "lines of a string": ["a\nb\n", { lines: true }, "a\nb\n", 2],
    "lines without the last line feed": ["a\n\nb", { lines: true }, "a\n\nb\n", 3],
    "lines of bytes": [Buffer.from([0xff, 10, 0xfe]), { lines: true },
      Buffer.from([0xff, 10, 0xfe, 10]), 2],
    "part of a buffer": [Buffer.from("xaby").subarray(1, 3), {}, "ab\n", 1],
  };
  let position = 0n;
  for (const [name, [data, options, , count]] of Object.entries(cases)) {
    const { first, next, rejected } = await sink.write(name, data, options);
    assert.deepEqual([first, next, rejected], [position, position + BigInt(count), []], name);
    position = next;
  }
  assert.equal((await sink.flush()).durable, position);
  for (const [name, [, , stored]] of Object.entries(cases)) {
    assert.deepEqual(store.object(name), Buffer.from(stored), name);
  }
  await sink.close();
});

test("nothing written is nothing stored", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  assert.equal((await sink.write("none", [])).next, 0n);
  assert.equal((await sink.write("none", "", { lines: true })).next, 0n);
  assert.equal((await sink.close()).durable, 0n);
  assert.equal(store.has("none"), false);
});

test("data may be changed as soon as it was passed", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  const event = Buffer.from("before");
  const written = sink.write("key", event);
  event.fill("x");
  await written;
  await sink.close();
  assert.equal(store.object("key").toString(), "before\n");
});

test("positions, gaps and times", async (t) => {
  const store = await bucket(t);
  const config = { ...store.config, key_template: "{date:%Y-%m-%d}/{key}" };
  const sink = await opened(t, config);
  await sink.write("a", ["x", "y"], { first: 10, at: new Date("2001-02-03T04:05:06Z") });
  await sink.write("a", "z", { first: 2n ** 60n, at: 1_000_000_000n * 86_400n });
  assert.equal(sink.position, 2n ** 60n + 1n);
  await sink.skip(2n ** 61n);
  assert.equal((await sink.close()).durable, 2n ** 61n);
  assert.equal(store.object("2001-02-03/a").toString(), "x\ny\n");
  assert.equal(store.object("1970-01-02/a").toString(), "z\n");
});

test("objects end by time while nobody calls", async (t) => {
  const store = await bucket(t);
  const seen = resolvers();
  const rotation = { rotate: { age_ms: 200 }, key_template: "{key}-{first}" };
  const config = { ...store.config, ...rotation };
  const sink = await opened(t, config, {
    onProgress: ({ visible }) => visible.length > 0 && seen.resolve(visible[0].objectKey),
  });
  await sink.write("old", "event");
  assert.equal(await seen.promise, "old-0");
  assert.equal(store.object("old-0").toString(), "event\n");
  await sink.close();
});

test("what happened is kept for whoever asks", async (t) => {
  const store = await bucket(t);
  const rotation = { rotate: { events: 1 }, key_template: "{key}-{first}" };
  const config = { ...store.config, ...rotation };
  const sink = await opened(t, config);
  for (let i = 0; i < 20; i += 1) await sink.write(`key-${i}`, "event");
  const visible = [];
  while (visible.length < 20) visible.push(...(await sink.poll()).visible);
  assert.equal(new Set(visible.map(({ objectKey }) => objectKey)).size, 20);
  assert.equal((await sink.close()).visible.length, 0);
});

test("a file through a stream", async (t) => {
  const store = await bucket(t);
  const folder = mkdtempSync(join(tmpdir(), "spillway-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // Lines of all lengths, so that they begin and end anywhere in a chunk. The last one has no line
  // feed.
  const content = Buffer.concat(
    Array.from({ length: 30_000 }, (_, i) => Buffer.from(`${i} ${"é".repeat(i % 300)}\n`)),
  ).subarray(0, -1);
  writeFileSync(join(folder, "file"), content);
  const sink = await opened(t, store.config);
  await Readable.toWeb(createReadStream(join(folder, "file"))).pipeTo(sink.writable("file"));
  assert.equal(sink.position, 30_000n);
  await sink.close();
  assert.deepEqual(store.object("file"), Buffer.concat([content, Buffer.from("\n")]));
});

test("a stream that is faster than the sink, whose owner uses its buffers again", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  const writer = sink.writable("key").getWriter();
  const buffer = Buffer.alloc(3);
  for (let i = 0; i < 10_000; i += 1) {
    // A line in every second chunk, and nothing in between is awaited but the stream's own word.
    buffer.write(i % 2 === 0 ? "abc" : `d\n${i % 10}`);
    await writer.write(buffer);
    buffer.fill("!");
  }
  await writer.close();
  await sink.close();
  const lines = Array.from({ length: 5_000 }, (_, i) => `${i === 0 ? "" : (2 * i - 1) % 10}abcd\n`);
  assert.equal(store.object("key").toString(), `${lines.join("")}9\n`);
});

test("a stream says when the sink refused", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  const writer = sink.writable("key").getWriter();
  await writer.write("line\n");
  await sink.close();
  await assert.rejects(writer.write("line\n").then(() => writer.close()), Closed);
  assert.equal(store.object("key").toString(), "line\n");
});

test("a stream of strings, lists and chunks", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  await ReadableStream.from(["a\nb", "c\n", ["d", "e\nf"], "g"]).pipeTo(sink.writable("lines"));
  await ReadableStream.from(["a\nb", "c"]).pipeTo(sink.writable("chunks", { lines: false }));
  assert.equal(sink.position, 5n + 2n);
  await sink.close();
  assert.equal(store.object("lines").toString(), "a\nbc\nd\ne\nf\ng\n");
  assert.equal(store.object("chunks").toString(), "a\nb\nc\n");
});

test("a stream that breaks off leaves the sink open, without half a line", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  async function* breaking() {
    yield "whole\nhal";
    throw new Error("broken");
  }
  await assert.rejects(ReadableStream.from(breaking()).pipeTo(sink.writable("key")), /broken/);
  await sink.write("key", "after");
  await sink.close();
  assert.equal(store.object("key").toString(), "whole\nafter\n");
});

test("streams wait for the commit that makes room", async (t) => {
  const store = await bucket(t);
  const small = { part_bytes: 5 << 20, memory_bytes_max: 6 << 20, rotate: { events: 1 } };
  const config = { ...store.config, ...small, commit: "checkpointed", key_template: "{first}" };
  let commits = 0;
  let isPiping = true;
  let ignored = 0;
  let committing;
  const sink = await opened(t, config, {
    onProgress: ({ wantsCheckpoint }) => {
      if (!wantsCheckpoint || !isPiping) return;
      // It is said again to whoever did not listen, though nothing else happens meanwhile.
      if ((ignored += 1) < 4) return;
      committing ??= commit().finally(() => (committing = undefined));
    },
  });
  async function commit() {
    await sink.checkpoint();
    await sink.commit();
    commits += 1;
  }
  // Each event is an object that waits for a commit, and all of them are more than the memory.
  const event = "x".repeat((1 << 20) - 1);
  const pipes = ["one", "other"].map((key) =>
    ReadableStream.from(Array(10).fill(`${event}\n`)).pipeTo(sink.writable(key)),
  );
  await Promise.all(pipes);
  isPiping = false;
  await committing;
  assert.equal(commits > 0, true);
  while ((await sink.flush()).wantsCheckpoint) await commit();
  await sink.close();
  for (let i = 0; i < 20; i += 1) assert.equal(store.object(`${i}`).toString(), `${event}\n`);
});

test("a sink that is closed says so, and still has its numbers", async (t) => {
  const store = await bucket(t);
  const sink = await opened(t, store.config);
  await sink.write("key", "event");
  await sink.close();
  const calls = [
    () => sink.write("key", "event"), () => sink.skip(9), () => sink.poll(), () => sink.flush(),
    () => sink.checkpoint(), () => sink.commit(), () => sink.check(), () => sink.close(),
    () => sink.incompleteUploads(),
  ];
  for (const call of calls) await assert.rejects(call(), Closed, String(call));
  const events = (await sink.metrics()).find(({ name }) => name === "spillway_events_total");
  assert.deepEqual(events.value, { type: "counter", value: 1 });
  await sink[Symbol.asyncDispose]();
});
