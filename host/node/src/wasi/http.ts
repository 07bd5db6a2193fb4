// `wasi:http` and the streams of its bodies, on the side of the sink: requests go to the network
// thread, and what comes back of them is kept here until the component takes it.

import type { ErrorCode } from "../component/interfaces/wasi-http-types.js";
import type { News, Order, Timeouts } from "../network/messages.js";
import { WINDOW_BYTES } from "../network/messages.js";
import { Inbox } from "./inbox.js";
import { Pollable } from "./poll.js";
import type { MessagePort } from "node:worker_threads";

type Header = [string, Uint8Array];
type Method = { tag: string; val?: string };

/** What is known of a request that was handed to the network thread. */
class Call {
  readonly id: number;
  readonly #http: Http;
  granted = WINDOW_BYTES;
  response: { status: number; headers: [string, string][] } | undefined;
  readonly chunks: Uint8Array[] = [];
  hasEnded = false;
  failure: ErrorCode | undefined;
  isTaken = false;
  #isDropped = false;

  constructor(id: number, http: Http) {
    this.id = id;
    this.#http = http;
  }

  get isOver(): boolean {
    return this.hasEnded || this.failure !== undefined;
  }

  post(order: Order, transfer?: ArrayBuffer[]): void {
    this.#http.post(order, transfer);
  }

  /** The component wants nothing more of it. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#http.forget(this);
  }
}

/** The requests of one sink. */
export class Http {
  readonly inbox: Inbox;
  readonly #calls = new Map<number, Call>();
  #last = 0;

  constructor(port: MessagePort, bell: Int32Array) {
    this.inbox = new Inbox(port, bell, (news: News) => this.receive(news));
  }

  /** Grants the component these authorities, and no others. */
  allow(authorities: string[]): void {
    this.post({ kind: "allow", authorities });
  }

  get isIdle(): boolean {
    return this.#calls.size === 0;
  }

  receive(news: News): void {
    const call = this.#calls.get(news.id);
    if (call === undefined) return;
    switch (news.kind) {
      case "sent":
        call.granted += news.bytes;
        break;
      case "response":
        call.response = { status: news.status, headers: news.headers };
        break;
      case "data":
        call.chunks.push(news.bytes);
        break;
      case "end":
        call.hasEnded = true;
        break;
      case "failed":
        call.failure = news.code;
        break;
    }
  }

  post(order: Order, transfer?: ArrayBuffer[]): void {
    this.inbox.post(order, transfer);
  }

  forget(call: Call): void {
    this.#calls.delete(call.id);
    if (!call.isOver) this.post({ kind: "drop", id: call.id });
  }

  handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse {
    this.#last += 1;
    const call = new Call(this.#last, this);
    this.#calls.set(call.id, call);
    request.body_.sendFor(call);
    this.post({ kind: "request", id: call.id, ...request.message(), ...timeouts(options) });
    return new FutureIncomingResponse(call);
  }
}

function timeouts(options: RequestOptions | undefined): { timeouts: Timeouts } {
  return { timeouts: { ...TIMEOUTS, ...options?.timeouts } };
}

export class Fields {
  readonly #entries: Header[];

  constructor(entries: Header[] = []) {
    this.#entries = entries;
  }

  static fromList(entries: Header[]): Fields {
    for (const [name, value] of entries) {
      if (!NAME.test(name) || value.some((byte) => (byte < 32 && byte !== 9) || byte === 127)) {
        throw { tag: "invalid-syntax" };
      }
      if (FORBIDDEN.has(name.toLowerCase())) throw { tag: "forbidden" };
    }
    return new Fields(entries);
  }

  entries(): Header[] {
    return this.#entries;
  }
}

export class RequestOptions {
  readonly timeouts: Partial<Timeouts> = {};

  setConnectTimeout(duration: bigint | undefined): void {
    this.#set("connect", duration);
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#set("firstByte", duration);
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#set("betweenBytes", duration);
  }

  #set(name: keyof Timeouts, duration: bigint | undefined): void {
    // `setTimeout` takes no longer ones.
    const milliseconds = Math.min(Number((duration ?? 0n) / 1_000_000n), 2 ** 31 - 1);
    if (duration === undefined) delete this.timeouts[name];
    else this.timeouts[name] = milliseconds;
  }
}

export class OutgoingRequest {
  readonly #headers: Fields;
  readonly body_ = new OutgoingBody();
  #isBodyTaken = false;
  #method = "GET";
  #path = "/";
  #scheme: "http" | "https" = "https";
  #authority = "";

  constructor(headers: Fields) {
    this.#headers = headers;
  }

  body(): OutgoingBody {
    if (this.#isBodyTaken) throw undefined;
    this.#isBodyTaken = true;
    return this.body_;
  }

  setMethod({ tag, val }: Method): void {
    const method = tag === "other" ? (val ?? "") : tag.toUpperCase();
    if (!NAME.test(method)) throw undefined;
    this.#method = method;
  }

  setPathWithQuery(path: string | undefined): void {
    if (path !== undefined && !/^\/[!-~]*$/.test(path)) throw undefined;
    this.#path = path ?? "/";
  }

  setScheme(scheme: { tag: string } | undefined): void {
    if (scheme?.tag === "HTTP") this.#scheme = "http";
    else if (scheme === undefined || scheme.tag === "HTTPS") this.#scheme = "https";
    else throw undefined;
  }

  setAuthority(authority: string | undefined): void {
    this.#authority = authority ?? "";
  }

  message() {
    const text = new TextDecoder("latin1");
    return {
      method: this.#method,
      scheme: this.#scheme,
      authority: this.#authority,
      path: this.#path,
      headers: this.#headers.entries().map(([name, value]) => [name, text.decode(value)]) as [
        string,
        string,
      ][],
      hasBody: this.#isBodyTaken,
    };
  }
}

export class OutgoingBody {
  #call: Call | undefined;
  #isFinished = false;

  /** The request is under way. */
  sendFor(call: Call): void {
    this.#call = call;
  }

  write(): OutputStream {
    return new OutputStream(() => this.#call);
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    if (trailers !== undefined) throw { tag: "internal-error", val: "trailers are not sent" };
    body.#isFinished = true;
    const call = body.#call;
    if (call !== undefined && !call.isOver) call.post({ kind: "finish", id: call.id });
  }

  [Symbol.dispose](): void {
    // A body that is dropped before its end must not look whole.
    if (!this.#isFinished && this.#call !== undefined && this.#call.response === undefined) {
      this.#call.failure ??= { tag: "internal-error", val: "the body was not finished" };
      this.#call.post({ kind: "drop", id: this.#call.id });
    }
  }
}

/** The body of a request, as far as it may be written now. */
export class OutputStream {
  readonly #call: () => Call | undefined;

  constructor(call: () => Call | undefined) {
    this.#call = call;
  }

  checkWrite(): bigint {
    const call = this.#call();
    if (call === undefined) return 0n;
    if (call.isOver) throw { tag: "closed" };
    return BigInt(call.granted);
  }

  write(bytes: Uint8Array): void {
    const call = this.#call();
    if (call === undefined || call.isOver) throw { tag: "closed" };
    if (bytes.byteLength > call.granted) throw new Error("more was written than was granted");
    call.granted -= bytes.byteLength;
    call.post({ kind: "body", id: call.id, bytes }, [bytes.buffer as ArrayBuffer]);
  }

  subscribe(): Pollable {
    return new Pollable(() => {
      const call = this.#call();
      return call !== undefined && (call.granted > 0 || call.isOver);
    });
  }
}

export class FutureIncomingResponse {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  subscribe(): Pollable {
    return new Pollable(() => this.#call.response !== undefined || this.#call.isOver);
  }

  get() {
    const { response, failure, isTaken } = this.#call;
    if (response === undefined && failure === undefined) return undefined;
    if (isTaken) return { tag: "err" as const, val: undefined };
    this.#call.isTaken = true;
    const answer =
      response === undefined
        ? { tag: "err" as const, val: failure }
        : { tag: "ok" as const, val: new IncomingResponse(this.#call, response) };
    return { tag: "ok" as const, val: answer };
  }

  [Symbol.dispose](): void {
    // The answer may still be read after its future.
    if (this.#call.response === undefined || !this.#call.isTaken) this.#call.drop();
  }
}

export class IncomingResponse {
  readonly #call: Call;
  readonly #status: number;
  readonly #headers: Fields;
  #isConsumed = false;

  constructor(call: Call, { status, headers }: NonNullable<Call["response"]>) {
    this.#call = call;
    this.#status = status;
    const encoded = headers.map(([name, value]): Header => [name, Buffer.from(value, "latin1")]);
    this.#headers = new Fields(encoded);
  }

  status(): number {
    return this.#status;
  }

  headers(): Fields {
    return this.#headers;
  }

  consume(): IncomingBody {
    if (this.#isConsumed) throw undefined;
    this.#isConsumed = true;
    return new IncomingBody(this.#call);
  }

  [Symbol.dispose](): void {
    this.#call.drop();
  }
}

export class IncomingBody {
  readonly #call: Call;
  #isTaken = false;

  constructor(call: Call) {
    this.#call = call;
  }

  stream(): InputStream {
    if (this.#isTaken) throw undefined;
    this.#isTaken = true;
    return new InputStream(this.#call);
  }
}

/** The body of an answer, as far as it has come. */
export class InputStream {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  read(length: bigint): Uint8Array {
    const { chunks, failure, hasEnded, id } = this.#call;
    const chunk = chunks[0];
    if (chunk !== undefined) {
      const bytes = chunk.subarray(0, Number(length));
      if (bytes.byteLength === chunk.byteLength) chunks.shift();
      else chunks[0] = chunk.subarray(bytes.byteLength);
      this.#call.post({ kind: "consumed", id, bytes: bytes.byteLength });
      return bytes;
    }
    if (failure !== undefined) throw { tag: "last-operation-failed", val: new IoError(failure) };
    if (hasEnded) throw { tag: "closed" };
    return new Uint8Array();
  }

  subscribe(): Pollable {
    return new Pollable(() => this.#call.chunks.length > 0 || this.#call.isOver);
  }
}

/** `wasi:io/error`. */
export class IoError {
  readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    this.code = code;
  }
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FORBIDDEN = new Set(["connection", "host", "keep-alive", "transfer-encoding", "upgrade"]);
const TIMEOUTS: Timeouts = { connect: 600_000, firstByte: 600_000, betweenBytes: 600_000 };
