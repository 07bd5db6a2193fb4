// What the tests share: an S3 server that checks signatures, in a process of its own.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { open } from "spillway";

/** What the server takes. */
export const LOCAL = { accessKeyId: "local", secretAccessKey: "local" };

/** The file of the package that is tested. */
export function packaged(path) {
  return new URL(path, import.meta.resolve("spillway"));
}

/** A bucket of a server that ends with the test. */
export async function bucket(test) {
  const folder = mkdtempSync(join(tmpdir(), "spillway-node-"));
  const server = spawn(serverFile(), [folder, "bucket"], { stdio: ["ignore", "pipe", "inherit"] });
  test.after(() => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const [endpoint] = await lines(server, 1);
  return {
    config: { bucket: "bucket", endpoint },
    endpoint,
    object: (key) => readFileSync(join(folder, "bucket", key)),
    has: (key) => existsSync(join(folder, "bucket", key)),
  };
}

/** A sink that ends with the test, however that ends: an open one keeps the process alive. */
export async function opened(test, config, options) {
  const sink = await open(config, { credentials: LOCAL, ...options });
  test.after(() => sink.close("abort").catch(() => {}));
  return sink;
}

/** The first lines that a child writes to its standard output. */
export async function lines(child, count) {
  const seen = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (seen.length === count) return seen;
  }
  throw new Error(`the child ended after ${seen.length} of ${count} lines`);
}

/** A promise, and what settles it. */
export function resolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

/** How a child ended. */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function serverFile() {
  const given = process.env.SPILLWAY_S3_SERVER;
  const repository = repositoryOf(dirname(fileURLToPath(import.meta.url)));
  const built = repository && join(repository, "target", "release", "examples", "serve");
  const file = given ?? built;
  if (file !== undefined && existsSync(file)) return file;
  throw new Error(
    `there is no S3 server at ${file}: run \`cargo build --release --example serve\` in the ` +
      "repository, or set SPILLWAY_S3_SERVER to the file that it makes",
  );
}

function repositoryOf(folder) {
  if (existsSync(join(folder, "host", "local-s3", "Cargo.toml"))) return folder;
  return folder === dirname(folder) ? undefined : repositoryOf(dirname(folder));
}
