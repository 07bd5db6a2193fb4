// The types, as a program sees them that is compiled with `strict`.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bucket, ended } from "./support.js";

// Where the package is found, and where the compiler is.
const home = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(
  dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc",
);

test("a program with `strict` compiles and runs", async (t) => {
  const folder = compiled(t, ["es2023", "esnext.disposable"]);
  const { endpoint, object } = await bucket(t);
  const program = spawn(process.execPath, [join(folder, "consumer.js"), endpoint], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  program.stdout.on("data", (text) => (output += text));
  assert.deepEqual(await ended(program), { code: 0, signal: null });
  assert.match(output, /^9n 10n\n/);
  assert.match(output, /\ndata\n/);
  assert.match(output, /\nspillway-s3\n$/);
  assert.equal(object("typed").toString(), "one\ntwo\nthree\n");
  assert.equal(object("resumed").toString(), "event\n");
});

test("the types need no library but that of the platform", async (t) => {
  compiled(t, ["es2023", "esnext.disposable", "dom", "dom.asynciterable"]);
});

/** The folder with the compiled program. */
function compiled(t, lib) {
  const folder = join(home, `consumer-${lib.length}`);
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(home, "test", "consumer", "consumer.ts"), join(folder, "consumer.ts"));
  const compilerOptions = {
    strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true,
    skipLibCheck: false, target: "es2022", module: "nodenext", lib, types: ["node"],
  };
  const project = { compilerOptions, files: ["consumer.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
  const { status, stdout, error } = spawnSync(process.execPath, [compiler, "-p", folder], {
    encoding: "utf8", timeout: 60_000,
  });
  assert.equal(error, undefined);
  assert.equal(status, 0, stdout);
  return folder;
}
