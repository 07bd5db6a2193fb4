// Measures how fast a sink takes events and stores them, on this machine, with the S3 server of the
// repository in another process.
//
//     node benchmark.js [--json] [--mib N] [--rounds N]

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { open } from "spillway";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    mib: { type: "string", default: "64" },
    rounds: { type: "string", default: "3" },
  },
});
const MIB = 1 << 20;
const BYTES = Number(values.mib) * MIB;
const ROUNDS = Number(values.rounds);

const MODES = {
  unsigned: { payload_signing: "unsigned", checksum: "none" },
  "unsigned, checksum": { payload_signing: "unsigned" },
  "signed, checksum": {},
};

// What one write takes, and with which options.
const WRITES = {
  "1 MiB, bytes": [line(MIB), {}],
  "1 MiB, text": [line(MIB).toString("latin1"), {}],
  "1 KiB, list of text": [Array(1024).fill(line(1024).toString("latin1")), {}],
  "256 B, list of text": [Array(4096).fill(line(256).toString("latin1")), {}],
  "1 KiB, lines of bytes": [lines(1024), { lines: true }],
  "256 B, lines of bytes": [lines(256), { lines: true }],
};

const folder = mkdtempSync(join(tmpdir(), "spillway-node-"));
const file = process.env.SPILLWAY_S3_SERVER ?? "../../target/release/examples/serve";
const server = spawn(file, [folder, "bucket"], { stdio: ["ignore", "pipe", "inherit"] });
server.on("error", (error) => {
  console.error(`${error.message}: set SPILLWAY_S3_SERVER, see CONTRIBUTING.md`);
  process.exit(1);
});
try {
  const [endpoint] = await firstLine(server.stdout);
  const results = [];
  for (const [events, write] of Object.entries(WRITES)) {
    for (const [requests, mode] of Object.entries(MODES)) {
      const rounds = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        rounds.push(await measure({ bucket: "bucket", endpoint, ...mode }, ...write));
      }
      // What other work on the machine disturbs only ever makes it slower.
      results.push({ events, requests, mbPerSecond: Math.max(...rounds), rounds });
    }
  }
  report(results);
} finally {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/** MB/s, from the first write until all is stored. */
async function measure(config, data, options) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const sink = await open(config, { credentials });
  await sink.write("first", "a connection, and code that is warm");
  await sink.flush();
  const begun = performance.now();
  for (let written = 0; written < BYTES; written += MIB) await sink.write("key", data, options);
  await sink.flush();
  const seconds = (performance.now() - begun) / 1e3;
  await sink.close();
  return Math.round(BYTES / 1e5 / seconds) / 10;
}

function report(results) {
  const machine = {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpus: availableParallelism(),
    mib: BYTES / MIB,
    rounds: ROUNDS,
  };
  if (values.json) return console.log(JSON.stringify({ ...machine, results }, undefined, 2));
  const { node, platform, cpus, mib } = machine;
  console.log(`Node ${node}, ${platform}, ${cpus} CPUs; ${mib} MiB, best of ${ROUNDS}; MB/s\n`);
  const modes = Object.keys(MODES);
  console.log(["Events".padEnd(23), ...modes.map((mode) => mode.padStart(20))].join(""));
  for (const events of Object.keys(WRITES)) {
    const cells = results.filter((result) => result.events === events);
    const numbers = cells.map(({ mbPerSecond }) => mbPerSecond.toFixed(1).padStart(20));
    console.log([events.padEnd(23), ...numbers].join(""));
  }
}

/** An event of so many bytes, with its line feed. */
function line(bytes) {
  return Buffer.from("0123456789abcdef".repeat(bytes / 16)).subarray(0, bytes - 1);
}

function lines(bytes) {
  return Buffer.concat(Array(MIB / bytes).fill(Buffer.concat([line(bytes), Buffer.from("\n")])));
}

async function firstLine(stream) {
  const seen = [];
  for await (const text of createInterface({ input: stream })) {
    seen.push(text);
    break;
  }
  return seen;
}
