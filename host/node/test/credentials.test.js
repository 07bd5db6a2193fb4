// Where credentials come from, and where they do not go.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { format, inspect } from "node:util";
import { Denied, open, SpillwayError } from "spillway";
import { bucket, ended, LOCAL, opened } from "./support.js";

test("a function, asked on the main thread", async (t) => {
  const { config, object } = await bucket(t);
  const asked = [];
  const credentials = async (request) => {
    asked.push(request);
    // Only a loop that turns gets here: the component waits for the answer.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return { ...LOCAL, expiration: new Date(Date.now() + 3_600_000) };
  };
  const sink = await opened(t, config, { credentials });
  await sink.write("key", "event");
  await sink.close();
  assert.deepEqual(asked, [{ forceRefresh: false, identity: "bucket" }]);
  assert.equal(object("key").toString(), "event\n");
});

test("a function that throws", async (t) => {
  const { config } = await bucket(t);
  const thrown = new TypeError("the token file of SECRETSECRET is missing");
  for (const credentials of [
    () => { throw thrown; },
    () => Promise.reject(thrown),
  ]) {
    const sink = await opened(t, { ...config, retry_time_max_ms: 1 }, { credentials });
    await assert.rejects(sink.check(), (error) => {
      assert.equal(error instanceof SpillwayError, true);
      assert.match(error.message, /the source of the credentials threw TypeError/);
      assert.equal(error.message.includes("SECRET"), false);
      assert.equal(error.cause, thrown);
      return true;
    });
    // The component lives.
    await sink.write("key", "event");
    await assert.rejects(sink.close(), (error) => {
      assert.equal(error.kind, "not-stored");
      assert.deepEqual(error.progress.failed.map(({ first, last }) => [first, last]), [[0n, 0n]]);
      return true;
    });
  }
});

test("a function that returns no credentials", async (t) => {
  const { config } = await bucket(t);
  for (const [returned, expected] of [
    [undefined, /credentials: expected an object, not undefined/],
    [{ accessKeyId: "x" }, /secretAccessKey: expected a string, not undefined/],
    [{ ...LOCAL, expiration: "soon" }, /expiration: expected a valid Date/],
  ]) {
    const options = { credentials: () => returned };
    const sink = await opened(t, { ...config, retry_time_max_ms: 1 }, options);
    await assert.rejects(sink.check(), expected);
  }
});

test("credentials that the store refuses", async (t) => {
  const { config } = await bucket(t);
  const credentials = { accessKeyId: "local", secretAccessKey: "SECRETSECRET" };
  const sink = await opened(t, config, { credentials });
  await assert.rejects(sink.check(), (error) => {
    assert.equal(error instanceof Denied, true);
    assert.equal(format(error).includes("SECRET"), false);
    return true;
  });
});

test("the environment", async (t) => {
  const { config } = await bucket(t);
  const empty = { ...process.env, HOME: tmpdir(), AWS_EC2_METADATA_DISABLED: "true" };
  for (const name of Object.keys(empty)) if (name.startsWith("AWS_")) delete empty[name];
  const given = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
  assert.equal((await check(config, '"environment"', { ...empty, ...given })).code, 0);
  assert.equal((await check(config, "undefined", { ...empty, ...given })).code, 0);
  const half = await check(config, "undefined", { ...empty, AWS_ACCESS_KEY_ID: "local" });
  assert.match(half.output, /the variable AWS_SECRET_ACCESS_KEY is not set/);
  const none = await check(config, '"environment"', empty);
  assert.match(none.output, /the variable AWS_ACCESS_KEY_ID is not set/);
});

test("the AWS SDK", async (t) => {
  const { config } = await bucket(t);
  const folder = mkdtempSync(join(tmpdir(), "spillway-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "credentials");
  writeFileSync(file, "[work]\naws_access_key_id = local\naws_secret_access_key = local\n");
  const env = { ...process.env, AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: "work" };
  delete env.AWS_ACCESS_KEY_ID;
  delete env.AWS_SECRET_ACCESS_KEY;
  for (const source of ['"aws-sdk"', "undefined"]) {
    const { code, output } = await check(config, source, env);
    assert.equal(code, 0, output);
  }
});

test("nothing shows a secret", async (t) => {
  const { config } = await bucket(t);
  const credentials = {
    accessKeyId: "SECRETID", secretAccessKey: "SECRETKEY", sessionToken: "SECRETTOKEN",
  };
  const customer_key = Buffer.from("SECRETSECRETSECRETSECRETSECRETSE").toString("base64");
  const sink = await open({ ...config, retry_time_max_ms: 1 }, { credentials });
  t.after(() => sink.close("abort").catch(() => {}));
  const hidden = ["SECRET", customer_key];
  const shown = [inspect(sink, { showHidden: true, depth: 9 }), JSON.stringify(sink), `${sink}`];
  await sink.check().catch((error) => shown.push(inspect(error, { showHidden: true, depth: 9 })));
  await sink.write("key", "event");
  await sink.flush().catch((error) => shown.push(inspect(error, { showHidden: true, depth: 9 })));
  shown.push(inspect(await sink.metrics(), { depth: 9 }));
  await assert.rejects(open({ ...config, customer_key, bad: 1 }), (error) => {
    shown.push(inspect(error, { showHidden: true, depth: 9 }));
    return true;
  });
  assert.equal(shown.length, 7);
  for (const text of shown) {
    for (const secret of hidden) assert.equal(text.includes(secret), false, text);
  }
});

/** Checks a bucket in a process of its own, with these variables. */
async function check(config, credentials, env) {
  const program = `
    import { open } from "spillway";
    const config = ${JSON.stringify({ ...config, retry_time_max_ms: 1 })};
    const sink = await open(config, { credentials: ${credentials} });
    try { await sink.check(); } finally { await sink.close(); }`;
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { env, cwd });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const { code } = await ended(child);
  return { code, output };
}
