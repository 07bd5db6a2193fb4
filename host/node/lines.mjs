// Stores the lines of standard input with the npm package.
//
//     node lines.mjs CONFIG < LINES
//
// `CONFIG` is a file of JSON. The stream cuts its chunks of 1 MiB into lines.

import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { open } from "spillway";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const sink = await open(config);
const source = createReadStream("", { fd: 0, highWaterMark: 1 << 20 });
await Readable.toWeb(source).pipeTo(sink.writable("lines"));
await sink.close();
