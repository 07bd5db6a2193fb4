// What went wrong on the network, in the words of `wasi:http`.

import type { ErrorCode } from "../component/interfaces/wasi-http-types.js";

/** How far a connection had come when it failed. */
export interface Phase {
  /** The connection was made: the request may have arrived, and done its work. */
  isConnected: boolean;
  /** The connection was kept from an earlier request. */
  isReused: boolean;
  hasAnswer: boolean;
}

export function errorCode(error: unknown, phase: Phase): ErrorCode {
  const { code, message } = first(error);
  return phase.isConnected ? connected(code, message, phase) : connecting(code, message);
}

function connecting(code: string, message: string): ErrorCode {
  switch (code) {
    case "LINK_LOCAL":
      return { tag: "destination-IP-prohibited" };
    case "ECONNREFUSED":
      return { tag: "connection-refused" };
    case "ETIMEDOUT":
      return { tag: "connection-timeout" };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return { tag: "destination-unavailable" };
    case "ENOTFOUND":
      return { tag: "DNS-error", val: { rcode: "no such name" } };
    case "EAI_AGAIN":
      return { tag: "DNS-error", val: { rcode: "the resolver does not answer" } };
  }
  // What is no TLS is read as a record of an unknown version, or as one that is too long.
  if (/wrong version number|packet length too long/i.test(message)) {
    return { tag: "TLS-protocol-error" };
  }
  if (isAboutTrust(code)) return untrusted(code, message);
  return { tag: "internal-error", val: `no connection: ${explained(code, message)}` };
}

function connected(code: string, message: string, phase: Phase): ErrorCode {
  switch (code) {
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
      // The first is for connections that were closed before the request was sent.
      return phase.isReused && !phase.hasAnswer
        ? { tag: "connection-terminated" }
        : { tag: "HTTP-response-incomplete" };
  }
  // With TLS 1.3 this comes behind the handshake: it is about who asks, not about a connection.
  if (/alert certificate required/i.test(message)) {
    return untrusted("", "the server requires a client certificate");
  }
  if (code.startsWith("HPE_")) return { tag: "HTTP-protocol-error" };
  return { tag: "internal-error", val: explained(code, message) };
}

/** Certificates that are not trusted, and servers that end the handshake. */
function isAboutTrust(code: string): boolean {
  return (
    /CERT|SIGNATURE|ISSUER|CRL|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/.test(code) ||
    code.startsWith("ERR_SSL_") ||
    code === "EPROTO"
  );
}

function untrusted(code: string, message: string): ErrorCode {
  return { tag: "TLS-alert-received", val: { alertMessage: explained(code, message) } };
}

/** OpenSSL's messages hold the line of its source. */
function explained(code: string, message: string): string {
  const words = message.match(/:([^:]*):[^:]*:\d+:/)?.[1] ?? message.split("\n")[0] ?? "";
  return code === "" || words.includes(code) ? words : `${words} (${code})`;
}

/** Where several addresses were tried, the first one's error. */
function first(error: unknown): { code: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return first(error.errors[0]);
  const { code, message } = error as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" ? code : "",
    message: typeof message === "string" ? message : String(error),
  };
}
