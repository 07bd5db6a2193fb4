import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { open } from "spillway";

const { BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint } = process.env;
const [file] = process.argv.slice(2);
const sink = await open({ bucket, endpoint });
await Readable.toWeb(createReadStream(file)).pipeTo(sink.writable(basename(file)));
const { durable } = await sink.close();
console.log(`stored ${durable} lines`);
