// Wrong configurations and wrong arguments: refused before anything is sent, with the name of what
// is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Invalid, open, inspectState, UnknownState, Unsupported } from "spillway";
import { LOCAL, opened } from "./support.js";

const CONFIG = { bucket: "bucket", endpoint: "http://127.0.0.1:9" };
const SECRET = "wJalrXUtnFEMI/K7MDENG";

/** That a call is refused, naming the field and what is expected of it. */
async function refused(call, field, expected) {
  await assert.rejects(call, (error) => {
    assert.equal(error instanceof Invalid, true, error.stack);
    assert.equal(error.kind, "invalid");
    assert.equal(error.name, "Invalid");
    assert.deepEqual(error.problems.map(({ field }) => field), [field]);
    assert.match(error.problems[0].message, expected);
    assert.equal(error.message, `${field}: ${error.problems[0].message}`);
    assert.equal(error.message.includes(SECRET), false);
    return true;
  });
}

test("wrong configurations", async () => {
  await refused(() => open({ ...CONFIG, buckt: "x" }), "buckt", /did you mean `bucket`|bucket/);
  await refused(() => open({ ...CONFIG, part_bytes: "5" }), "part_bytes", /number|integer/);
  await refused(() => open({ ...CONFIG, rotate: { evnts: 3 } }), "rotate.evnts", /events/);
  await refused(() => open({}), "bucket", /./);
  await assert.rejects(open({ bukket: "x", regoin: "y" }), (error) => {
    const fields = error.problems.map(({ field }) => field);
    assert.deepEqual(fields.sort(), ["bucket", "bukket", "regoin"]);
    return true;
  });
});

test("what is no JSON", async () => {
  for (const config of [undefined, null, "bucket", [], 1]) {
    await refused(() => open(config), "config", /expected an object/);
  }
  for (const value of [NaN, Infinity, 1n, () => {}, Symbol("x"), new Date(), new Map()]) {
    await refused(() => open({ ...CONFIG, part_bytes: value }), "part_bytes", /JSON/);
  }
});

test("wrong options of open", async () => {
  const cases = [
    [{ credential: LOCAL }, "credential", /no such option.*credentials/],
    [{ credentials: SECRET }, "credentials", /expected an object, a function/],
    [{ credentials: {} }, "credentials.accessKeyId", /expected a string, not undefined/],
    [{ credentials: { accessKeyId: "x", secretAccessKey: [SECRET] } },
      "credentials.secretAccessKey", /expected a string, not an array/],
    [{ credentials: { ...LOCAL, sessionToken: 1 } }, "credentials.sessionToken", /a number/],
    [{ credentials: { ...LOCAL, expiration: 1 } }, "credentials.expiration", /valid Date/],
    [{ state: "text" }, "state", /expected a Uint8Array, not a string/],
    [{ onProgress: true }, "onProgress", /expected a function/],
    [{ memoryBytesMax: 1 }, "memoryBytesMax", /expected an integer from 16777216/],
    [{ callTimeoutMs: -1 }, "callTimeoutMs", /expected an integer from 1/],
    [{ callTimeoutMs: 0 }, "callTimeoutMs", /expected an integer from 1/],
    [{ ca: "file.pem" }, "ca", /PEM/],
    [{ ca: [1] }, "ca", /expected a string/],
  ];
  for (const [options, field, expected] of cases) {
    await refused(() => open(CONFIG, options), field, expected);
  }
  await refused(() => open(CONFIG, "options"), "options", /expected an object/);
});

test("wrong arguments of calls", async (t) => {
  const sink = await opened(t, CONFIG);
  await sink.skip(10);
  const half = "\ud800";
  const cases = [
    [() => sink.write(undefined, "x"), "key", /expected a string, not undefined/],
    [() => sink.write("", "x"), "key", /not empty/],
    [() => sink.write(half, "x"), "key", /surrogate/],
    [() => sink.write("k"), "data", /not undefined/],
    [() => sink.write("k", 1), "data", /not a number/],
    [() => sink.write("k", { length: 1 }), "data", /not an object/],
    [() => sink.write("k", new ArrayBuffer(1)), "data", /not a ArrayBuffer/],
    [() => sink.write("k", new Float64Array(1)), "data", /not a Float64Array/],
    [() => sink.write("k", half), "data", /surrogate/],
    [() => sink.write("k", ["x", half]), "data", /surrogate/],
    [() => sink.write("k", ["x", 1]), "data[1]", /not a number/],
    [() => sink.write("k", ["x", , "y"]), "data", /undefined/],
    [() => sink.write("k", ["x"], { lines: true }), "lines", /a list/],
    [() => sink.write("k", "x", { lines: 1 }), "lines", /true or false/],
    [() => sink.write("k", "x", { frist: 1 }), "frist", /no such option/],
    [() => sink.write("k", "x", 12), "options", /expected an object/],
    [() => sink.write("k", "x", { first: 9 }), "first", /expected 10 or more/],
    [() => sink.write("k", "x", { first: -1 }), "first", /from 0/],
    [() => sink.write("k", "x", { first: 10.5 }), "first", /integer/],
    [() => sink.write("k", "x", { first: 2 ** 53 }), "first", /2\^53 - 1/],
    [() => sink.write("k", "x", { first: 2n ** 64n }), "first", /2\^64 - 1/],
    [() => sink.write("k", "x", { first: "11" }), "first", /a string/],
    [() => sink.write("k", ["x", "y"], { first: 2n ** 64n - 1n }), "first", /pass/],
    [() => sink.write("k", "x", { at: 5 }), "at", /a Date, or a bigint/],
    [() => sink.write("k", "x", { at: new Date(NaN) }), "at", /valid Date/],
    [() => sink.write("k", "x", { at: new Date(-1) }), "at", /1970/],
    [() => sink.write("k", "x", { at: -1n }), "at", /1970/],
    [() => sink.skip(9), "to", /expected 10 or more/],
    [() => sink.skip("11"), "to", /a string/],
    [() => sink.close("completely"), "how", /"complete" or "abort" or "suspend"/],
    [() => sink.abortUpload({ id: "x" }), "upload.objectKey", /expected a string/],
    [() => sink.abortUpload(null), "upload", /expected an object/],
    [async () => sink.writable(1), "key", /a number/],
    [async () => sink.writable("k", { line: false }), "line", /no such option/],
    [async () => sink.writable("k").getWriter().write(5), "chunk", /a number/],
    [async () => sink.writable("k").getWriter().write(half), "chunk", /surrogate/],
  ];
  for (const [call, field, expected] of cases) await refused(call, field, expected);
  // None of them moved the sink or broke it.
  assert.equal(sink.position, 10n);
});

test("states that are none", async () => {
  await refused(() => inspectState("state"), "state", /expected a Uint8Array/);
  await assert.rejects(inspectState(new Uint8Array(100)), UnknownState);
  const config = { ...CONFIG, commit: "checkpointed" };
  const state = new TextEncoder().encode("not a state");
  await assert.rejects(open(config, { state, credentials: LOCAL }), UnknownState);
});

test("checkpoints without `commit` = `checkpointed`", async (t) => {
  const sink = await opened(t, CONFIG);
  await assert.rejects(sink.checkpoint(), Unsupported);
  await assert.rejects(sink.commit(), Unsupported);
});
