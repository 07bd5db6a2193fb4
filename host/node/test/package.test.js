// What the package is, beside its code.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { describe } from "spillway";
import { packaged } from "./support.js";

const manifest = JSON.parse(readFileSync(packaged("../package.json"), "utf8"));

test("the component is of the package's version, and has a schema", async () => {
  const { name, version, configurationSchema } = await describe();
  assert.deepEqual([name, version], ["spillway-s3", manifest.version]);
  assert.deepEqual(configurationSchema.properties.commit.enum, ["sealed", "checkpointed"]);
});

test("it is made of the component that `spillway component` writes", () => {
  const component = readFileSync(process.env.SPILLWAY_COMPONENT);
  const modules = readdirSync(packaged("./component/")).filter((name) => name.endsWith(".wasm"));
  // Transpiling takes the modules out of the component as they are.
  for (const name of modules) {
    const module = readFileSync(packaged(`./component/${name}`));
    assert.ok(component.includes(module), `${name} is not in the component`);
  }
});

test("it depends on nothing, and runs nothing when it is installed", () => {
  assert.equal(manifest.dependencies, undefined);
  const scripts = ["preinstall", "install", "postinstall", "prepare"];
  for (const script of scripts) assert.equal(manifest.scripts[script], undefined);
});

test("the component may not name what it is not given", () => {
  const generated = readFileSync(packaged("./component/spillway.js"), "utf8");
  const imported = [...generated.matchAll(/= imports\['([^']+)'\]/g)].map(([, name]) => name);
  assert.deepEqual(imported.sort(), [
    "spillway:s3/credentials", "wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler", "wasi:http/types", "wasi:io/error", "wasi:io/poll",
    "wasi:io/streams", "wasi:random/random",
  ]);
  const modules = readdirSync(packaged("./component/")).filter((name) => name.endsWith(".wasm"));
  assert.equal(modules.length, 3);
});
