// The thread that sends a sink's requests. The sink's own thread stands still while it waits.

import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import { rootCertificates } from "node:tls";
import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import { ring } from "../bell.js";
import { guardedLookup, isLinkLocal, placeOf, spelled } from "./authority.js";
import { Exchange } from "./exchange.js";
import type { News, Order, RequestMessage } from "./messages.js";

export interface NetworkData {
  port: MessagePort;
  bell: Int32Array;
  /** Certificate authorities to trust beside those of Node, in PEM. */
  ca: string[];
}

const { port, bell, ca } = workerData as NetworkData;
// An idle connection is closed before a store would do it.
const kept: http.AgentOptions = { keepAlive: true, scheduling: "lifo", timeout: 4_000 };
const trust = ca.length === 0 ? {} : { ca: [...rootCertificates, ...ca] };
const agents = { http: new http.Agent(kept), https: new https.Agent({ ...kept, ...trust }) };
const exchanges = new Map<number, Exchange>();
const allowed = new Set<string>();

// The main thread ends this one: that the sink's thread has ended is for it to say.
parentPort!.on("message", () => {});
port.on("message", (order: Order) => {
  switch (order.kind) {
    case "allow":
      for (const authority of order.authorities) {
        const place = placeOf(authority, "https");
        if (place !== undefined) allowed.add(spelled(place));
      }
      break;
    case "request":
      send(order);
      break;
    case "body":
      exchanges.get(order.id)?.body(order.bytes);
      break;
    case "finish":
      exchanges.get(order.id)?.finish();
      break;
    case "consumed":
      exchanges.get(order.id)?.consumed(order.bytes);
      break;
    case "drop":
      exchanges.get(order.id)?.drop();
      break;
  }
});

function send(message: RequestMessage): void {
  const { id, scheme, authority } = message;
  const place = placeOf(authority, scheme);
  if (place === undefined || !allowed.has(spelled(place))) {
    return tell({ kind: "failed", id, code: { tag: "HTTP-request-denied" } });
  }
  // An address is looked up by nobody.
  if (isIP(place.host) !== 0 && isLinkLocal(place.host)) {
    return tell({ kind: "failed", id, code: { tag: "destination-IP-prohibited" } });
  }
  const headers: Record<string, string | string[]> = { host: authority };
  for (const [name, value] of message.headers) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  const options = {
    agent: agents[scheme],
    method: message.method,
    host: place.host,
    port: place.port,
    path: message.path,
    headers,
    lookup: guardedLookup,
  };
  let request: http.ClientRequest;
  try {
    request = (scheme === "https" ? https : http).request(options);
  } catch (error) {
    const val = `the request cannot be sent: ${(error as { code?: string }).code ?? "unknown"}`;
    return tell({ kind: "failed", id, code: { tag: "internal-error", val } });
  }
  exchanges.set(id, new Exchange(request, message, tell, () => exchanges.delete(id)));
}

function tell(news: News, transfer: ArrayBuffer[] = []): void {
  port.postMessage(news, transfer);
  ring(bell);
}
