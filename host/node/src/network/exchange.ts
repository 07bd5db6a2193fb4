// One request and its answer, over the HTTP client of Node.

import type * as http from "node:http";
import type { ErrorCode } from "../component/interfaces/wasi-http-types.js";
import { errorCode, type Phase } from "./errors.js";
import type { News, RequestMessage } from "./messages.js";
import { WINDOW_BYTES } from "./messages.js";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;
type Tell = (news: News, transfer?: ArrayBuffer[]) => void;

export class Exchange {
  readonly #request: http.ClientRequest;
  readonly #message: RequestMessage;
  readonly #tell: Tell;
  readonly #over: () => void;
  readonly #phase: Phase = { isConnected: false, isReused: false, hasAnswer: false };
  #timer: NodeJS.Timeout | undefined;
  #response: http.IncomingMessage | undefined;
  #unsent = 0;
  #unread = 0;
  #isBodyWhole: boolean;
  #isOver = false;

  constructor(request: http.ClientRequest, message: RequestMessage, tell: Tell, over: () => void) {
    this.#request = request;
    this.#message = message;
    this.#tell = tell;
    this.#over = over;
    this.#isBodyWhole = !message.hasBody;
    request.on("socket", (socket) => {
      this.#phase.isReused = request.reusedSocket;
      if (request.reusedSocket) return this.#connected();
      this.#expect("connect");
      socket.once(message.scheme === "https" ? "secureConnect" : "connect", () =>
        this.#connected(),
      );
    });
    request.on("response", (response) => this.#answer(response));
    request.on("error", (error) => this.#fail(errorCode(error, this.#phase)));
    request.on("close", () => this.#fail({ tag: "HTTP-response-incomplete" }));
    if (this.#isBodyWhole) request.end();
    else request.flushHeaders();
  }

  body(bytes: Uint8Array): void {
    if (this.#isOver || this.#request.destroyed) return;
    this.#unsent += bytes.byteLength;
    this.#request.write(bytes, (error) => {
      this.#unsent -= bytes.byteLength;
      if (error || this.#isOver) return;
      this.#say({ kind: "sent", bytes: bytes.byteLength });
      this.#expectMore();
    });
    this.#expectMore();
  }

  finish(): void {
    if (this.#isOver || this.#request.destroyed) return;
    this.#isBodyWhole = true;
    this.#request.end(() => this.#expectMore());
  }

  consumed(bytes: number): void {
    this.#unread -= bytes;
    if (this.#unread < WINDOW_BYTES) this.#response?.resume();
  }

  /** Nobody wants the rest. */
  drop(): void {
    this.#end();
    this.#request.destroy();
  }

  #connected(): void {
    this.#phase.isConnected = true;
    this.#expectMore();
  }

  #answer(response: http.IncomingMessage): void {
    this.#response = response;
    this.#phase.hasAnswer = true;
    const headers: [string, string][] = [];
    for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
      headers.push([response.rawHeaders[i]!.toLowerCase(), response.rawHeaders[i + 1]!]);
    }
    this.#say({ kind: "response", status: response.statusCode ?? 0, headers });
    this.#expectMore();
    response.on("data", (chunk: Buffer) => {
      if (this.#isOver) return;
      // A chunk may lie in memory that it shares with others, which cannot be handed over.
      const bytes = new Uint8Array(chunk);
      this.#unread += bytes.byteLength;
      if (this.#unread >= WINDOW_BYTES) response.pause();
      this.#say({ kind: "data", bytes }, [bytes.buffer]);
      this.#expectMore();
    });
    response.on("end", () => {
      this.#say({ kind: "end" });
      this.#end();
      // An answer that came before the request was through: the connection is of no more use.
      if (!this.#isBodyWhole) this.#request.destroy();
    });
    response.on("error", (error) => this.#fail(errorCode(error, this.#phase)));
  }

  /** Sets the timeout of what must happen next. */
  #expectMore(): void {
    if (this.#isOver || !this.#phase.isConnected) return;
    if (this.#response !== undefined) {
      // A sink that does not read is not a store that does not send.
      return this.#response.isPaused() ? clearTimeout(this.#timer) : this.#expect("reading");
    }
    if (this.#unsent > 0) return this.#expect("sending");
    // Between two pieces of a body it is the sink's turn.
    return this.#isBodyWhole ? this.#expect("answer") : clearTimeout(this.#timer);
  }

  #expect(what: keyof typeof EXPECTED): void {
    const { timeout, tag } = EXPECTED[what];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#fail({ tag });
      this.#request.destroy();
    }, this.#message.timeouts[timeout]);
  }

  #fail(code: ErrorCode): void {
    this.#say({ kind: "failed", code });
    this.#end();
  }

  #say(news: WithoutId<News>, transfer?: ArrayBuffer[]): void {
    if (!this.#isOver) this.#tell({ id: this.#message.id, ...news } as News, transfer);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#over();
  }
}

const EXPECTED = {
  connect: { timeout: "connect", tag: "connection-timeout" },
  sending: { timeout: "betweenBytes", tag: "connection-write-timeout" },
  answer: { timeout: "firstByte", tag: "HTTP-response-timeout" },
  reading: { timeout: "betweenBytes", tag: "connection-read-timeout" },
} as const;
