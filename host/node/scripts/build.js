// Builds the package: the component, transpiled to JavaScript and core modules, and the TypeScript.
//
// The component is the file that SPILLWAY_COMPONENT names, else it is built in this repository.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { transpileBytes } from "@bytecodealliance/jco-transpile";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const repository = dirname(dirname(home));

/** The component's bytes. */
function component() {
  const given = process.env.SPILLWAY_COMPONENT;
  if (given) {
    if (!existsSync(given)) fail(`SPILLWAY_COMPONENT=${given}: there is no such file`);
    return readFileSync(given);
  }
  if (!existsSync(join(repository, "host", "cli", "Cargo.toml"))) {
    fail("set SPILLWAY_COMPONENT to a file that `spillway component -o FILE` wrote");
  }
  const file = join(repository, "target", "node", "spillway-s3.wasm");
  mkdirSync(dirname(file), { recursive: true });
  const cargo = ["run", "--release", "--locked", "--", "component", "-o", file];
  rmSync(file, { force: true });
  run("cargo", cargo, repository, "or set SPILLWAY_COMPONENT to the component's file");
  return readFileSync(file);
}

async function transpile(bytes, folder) {
  // The name of the transpiled module, and the folder that the names of its files begin with.
  const options = { name: "spillway", instantiation: "async", wasiShim: false, outDir: "." };
  const { files } = await transpileBytes(bytes, { ...options, nodejsCompat: false });
  rmSync(folder, { recursive: true, force: true });
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

function run(command, args, cwd, otherwise) {
  const { error, status } = spawnSync(command, args, { cwd, stdio: ["ignore", 2, 2] });
  if (error || status !== 0) {
    const why = error ? error.message : `it ended with exit code ${status}`;
    fail(`\`${command} ${args.join(" ")}\` in ${relative(".", cwd) || "."}: ${why}; ${otherwise}`);
  }
}

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}

const generated = join(home, "src", "component");
const dist = join(home, "dist");
await transpile(component(), generated);
rmSync(dist, { recursive: true, force: true });
run(process.execPath, ["node_modules/typescript/bin/tsc"], home, "mend what it says");
// What the types of the package do not name is nobody's business.
const isPublic = (name) => ["errors", "index", "open", "sink", "types"].includes(name);
for (const name of readdirSync(dist, { recursive: true })) {
  if (name.endsWith(".d.ts") && !isPublic(name.slice(0, -".d.ts".length))) rmSync(join(dist, name));
}
const isRuntime = (path) => !path.endsWith(".ts");
cpSync(generated, join(dist, "component"), { recursive: true, filter: isRuntime });
cpSync(join(repository, "LICENSE"), join(home, "LICENSE"));
