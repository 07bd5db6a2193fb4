// What the component may reach, and what it is told where something goes wrong.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { Denied, NotStored, Unavailable } from "spillway";
import { CERTIFICATE, KEY } from "./children/certificate.js";
import { bucket, opened, packaged, resolvers } from "./support.js";

test("the event loop turns while the sink waits for a store in this process", async (t) => {
  // Each answer is made by the loop of the thread that waits for it.
  const stored = new Map();
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    stored.set(request.url, body);
    const etag = createHash("md5").update(body).digest("hex");
    response.writeHead(200, { etag: `"${etag}"`, date: new Date().toUTCString() }).end();
  });
  const config = { bucket: "bucket", endpoint: await listening(t, server), checksum: "none" };
  const sink = await opened(t, config);
  for (let i = 0; i < 10; i += 1) {
    await sink.write(`key-${i}`, `event ${i}`);
    const { visible } = await sink.flush();
    assert.equal(visible.length, 1);
  }
  await sink.close();
  assert.equal(stored.get("/bucket/key-9").toString(), "event 9\n");
  assert.equal(stored.size, 10);
});

test("connections are kept, and one that was closed meanwhile costs no event", async (t) => {
  let connections = 0;
  let requests = 0;
  const server = createServer(async (request, response) => {
    request.resume();
    requests += 1;
    response.writeHead(200, { etag: '"00000000000000000000000000000000"' }).end();
    // It does not say so before.
    if (requests === 3) response.on("finish", () => request.socket.destroy());
  });
  server.on("connection", () => (connections += 1));
  const config = { bucket: "bucket", endpoint: await listening(t, server), checksum: "none" };
  const sink = await opened(t, config);
  for (let i = 0; i < 6; i += 1) {
    await sink.write(`key-${i}`, "event");
    assert.equal((await sink.flush()).visible.length, 1);
  }
  await sink.close();
  assert.equal(connections > 1, true, "one was closed");
  assert.equal(connections < requests, true, `${connections} for ${requests} requests`);
});

test("requests go nowhere but where they may", async (t) => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.end("ok");
  });
  const { host } = new URL(await listening(t, server));
  const network = networkThread(t, [host, "169.254.169.254:80", "[::ffff:169.254.1.1]:80"]);
  const port = host.split(":")[1];
  const denied = { tag: "HTTP-request-denied" };
  for (const authority of [
    `localhost:${port}`, "127.0.0.1:1", `127.0.0.2:${port}`, `user@${host}`, `${host}/x`, "",
    `${host}@evil.example`, `${host} `, "metadata.google.internal", `0x7f000001.example:${port}`,
  ]) {
    assert.deepEqual(await network.ask({ authority }), denied, authority);
  }
  const prohibited = { tag: "destination-IP-prohibited" };
  assert.deepEqual(await network.ask({ authority: "169.254.169.254" }), prohibited);
  assert.deepEqual(await network.ask({ authority: "0xa9fea9fe:80" }), prohibited);
  assert.deepEqual(await network.ask({ authority: "[::ffff:169.254.1.1]" }), prohibited);
  assert.equal(requests, 0);
  assert.equal(await network.ask({ authority: host }), 200);
  assert.equal(requests, 1);
});

test("what went wrong", async (t) => {
  const silent = createServer(() => {});
  const resetting = createTcpServer((socket) => socket.once("data", () => socket.destroy()));
  const babbling = createTcpServer((socket) => socket.end("I speak no HTTP\r\n\r\n"));
  const closed = createServer();
  const { port: closedPort } = new URL(await listening(t, closed));
  await new Promise((done) => closed.close(done));
  const place = async (server) => new URL(await listening(t, server)).host;
  const silentPlace = await place(silent);
  const soon = { connect: 60_000, firstByte: 50, betweenBytes: 60_000 };
  const cases = [
    [{ authority: silentPlace, timeouts: soon }, { tag: "HTTP-response-timeout" }],
    [{ authority: await place(resetting) }, { tag: "HTTP-response-incomplete" }],
    [{ authority: await place(babbling) }, { tag: "HTTP-protocol-error" }],
    [{ authority: `127.0.0.1:${closedPort}` }, { tag: "connection-refused" }],
    [{ authority: silentPlace, scheme: "https" }, { tag: "TLS-protocol-error" }],
    [{ authority: "no-such-host.invalid:80" }, undefined],
  ];
  const network = networkThread(t, cases.map(([{ authority }]) => authority));
  for (const [request, expected] of cases) {
    const code = await network.ask(request);
    // Without a network the resolver says otherwise.
    if (expected === undefined) assert.equal(code.tag, "DNS-error");
    else assert.deepEqual(code, expected, JSON.stringify(request));
  }
});

test("a store that cannot be reached", async (t) => {
  const server = createServer();
  const endpoint = await listening(t, server);
  await new Promise((done) => server.close(done));
  const config = { bucket: "bucket", endpoint, retry_time_max_ms: 1 };
  const sink = await opened(t, config);
  await assert.rejects(sink.check(), (error) => {
    assert.equal(error instanceof Unavailable, true, error.stack);
    assert.match(error.message, /refused/);
    return true;
  });
});

test("a failure counts until a call has returned it, callback or not", async (t) => {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>");
  });
  const config = { bucket: "bucket", endpoint: await listening(t, server), rotate: { age_ms: 1 } };
  const told = [];
  const { promise, resolve } = resolvers();
  const onProgress = (progress) => {
    told.push(...progress.failed);
    if (told.length > 0) resolve();
  };
  for (const options of [{ onProgress }, {}]) {
    const sink = await opened(t, { ...config, key_template: "{key}-{first}" }, options);
    await sink.write("key", ["x", "y"]);
    if (options.onProgress) await promise;
    await assert.rejects(sink.close(), (error) => {
      assert.equal(error instanceof NotStored, true, error.stack);
      const [failure, ...others] = error.progress.failed;
      assert.deepEqual([others, failure.first, failure.last, failure.events], [[], 0n, 1n, 2]);
      assert.equal(failure.cause instanceof Denied, true);
      assert.match(error.message, /^2 events of 1 object could not be stored; key-0 .*Denied/);
      return true;
    });
  }
  assert.equal(told.length, 1);
});

test("a sink that is suspended does not hide a failure", async (t) => {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>");
  });
  const config = {
    bucket: "bucket",
    endpoint: await listening(t, server),
    commit: "checkpointed",
    part_bytes: 5 << 20,
  };
  const { promise, resolve } = resolvers();
  const onProgress = (progress) => progress.failed.length > 0 && resolve();
  const sink = await opened(t, config, { onProgress });
  await sink.write("key", new Uint8Array(6 << 20));
  await promise;
  await assert.rejects(sink.close("suspend"), (error) => {
    assert.equal(error instanceof NotStored, true, error.stack);
    assert.deepEqual(error.progress.failed.map((failure) => failure.key), ["key"]);
    return true;
  });
  await assert.rejects(sink.poll(), /the sink is closed/);
});

test("a certificate that is trusted only where it was said", async (t) => {
  const server = createTlsServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
    request.resume();
    response.writeHead(200, { etag: '"00000000000000000000000000000000"' }).end();
  });
  const endpoint = (await listening(t, server)).replace("http", "https");
  const config = { bucket: "bucket", endpoint, checksum: "none", retry_time_max_ms: 1 };
  const strict = await opened(t, config);
  await strict.write("key", "event");
  await assert.rejects(strict.flush(), /TLS.*self-signed certificate/);
  const trusting = await opened(t, config, { ca: CERTIFICATE });
  await trusting.write("key", "event");
  assert.equal((await trusting.flush()).visible.length, 1);
});

test("incomplete uploads", async (t) => {
  const { config } = await bucket(t);
  const checkpointed = { ...config, commit: "checkpointed" };
  const one = await opened(t, checkpointed);
  await one.write("key", new Uint8Array(20 << 20));
  await one.checkpoint();
  await one.commit();
  await one.close("suspend");
  const other = await opened(t, config);
  const [upload, ...more] = await other.incompleteUploads();
  assert.deepEqual(more, []);
  assert.equal(upload.objectKey, "key");
  assert.equal(Math.abs(upload.begun - Date.now()) < 3_600_000, true);
  await other.abortUpload(upload);
  assert.deepEqual(await other.incompleteUploads(), []);
});

/** The network thread of a sink, without the sink. */
function networkThread(t, authorities) {
  const { port1, port2 } = new MessageChannel();
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { port: port1, bell, ca: [] };
  const worker = new Worker(packaged("./network/thread.js"), { workerData, transferList: [port1] });
  t.after(() => worker.terminate());
  port2.postMessage({ kind: "allow", authorities });
  let last = 0;
  /** Sends a GET, and returns the status or what went wrong. */
  async function ask(request) {
    const id = (last += 1);
    const answered = new Promise((resolve) => {
      port2.on("message", function take(news) {
        if (news.id !== id || !["response", "failed"].includes(news.kind)) return;
        port2.off("message", take);
        resolve(news.kind === "failed" ? news.code : news.status);
      });
    });
    const timeouts = { connect: 60_000, firstByte: 60_000, betweenBytes: 60_000 };
    const get = { method: "GET", scheme: "http", path: "/", headers: [], hasBody: false, timeouts };
    port2.postMessage({ kind: "request", id, ...get, ...request });
    return await answered;
  }
  t.after(() => port2.close());
  return { ask };
}

async function listening(t, server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}
