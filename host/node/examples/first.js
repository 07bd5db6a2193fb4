import { open } from "spillway";

const { BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint } = process.env;
const sink = await open({ bucket, endpoint });
await sink.check();
await sink.write("greetings.txt", "hello");
await sink.write("greetings.txt", ["bonjour", "guten Tag"]);
const { visible } = await sink.close();
console.log(visible[0].objectKey, visible[0].bytes); // greetings.txt 24
