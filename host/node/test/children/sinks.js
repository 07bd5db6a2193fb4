// Nothing but a sink keeps this process alive, until it has stored an object by time and is closed.

import { open } from "spillway";
import { LOCAL } from "../support.js";

const rotation = { rotate: { age_ms: 100 }, key_template: "{key}-{first}" };
const config = { bucket: "bucket", endpoint: process.argv[2], ...rotation };
const sink = await open(config, {
  credentials: LOCAL,
  onProgress: ({ visible }) => visible.length > 0 && sink.close(),
});
await sink.write("by-time", "event");
