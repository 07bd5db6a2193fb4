// Where credentials come from. They cross to the sink's thread when it asks, and are in no message
// and no error of this package.

import type { MessagePort } from "node:worker_threads";
import { typeOf } from "./arguments.js";
import { ring } from "./bell.js";
import { invalid } from "./errors.js";
import type {
  Credentials,
  CredentialsFunction,
  CredentialsRequest,
  CredentialsSource,
} from "./types.js";
import type { CredentialsAnswer, CredentialsQuestion } from "./worker/protocol.js";

/** No source is set up. Its text says which were tried. */
class NotConfigured extends Error {}

/** A source, proven as far as it can be before it is asked. */
export function providerOf(source: CredentialsSource | undefined): CredentialsFunction {
  if (source === undefined) return fromWhereverTheyAre;
  if (typeof source === "function") return source;
  if (source === "environment") return fromEnvironment;
  if (source === "aws-sdk") return fromSdk();
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    const expected = 'an object, a function, "environment" or "aws-sdk"';
    throw invalid("credentials", `expected ${expected}, not ${typeOf(source)}`);
  }
  const problem = problemOf(source);
  if (problem !== undefined) throw invalid(`credentials.${problem.field}`, problem.message);
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = source;
  return () => ({ accessKeyId, secretAccessKey, sessionToken, expiration });
}

/** Answers the questions of one sink. */
export class Answerer {
  readonly #provider: CredentialsFunction;
  #thrown: unknown;

  constructor(provider: CredentialsFunction, port: MessagePort, bell: Int32Array) {
    this.#provider = provider;
    port.on("message", async (question: CredentialsQuestion) => {
      port.postMessage(await this.#answer(question));
      ring(bell);
    });
    port.unref();
  }

  /** What the source threw when it was last asked, for the errors that came of it. */
  get thrown(): unknown {
    return this.#thrown;
  }

  async #answer({ identity, fresh }: CredentialsQuestion): Promise<CredentialsAnswer> {
    this.#thrown = undefined;
    try {
      const set = await this.#provider({ forceRefresh: fresh, identity });
      const problem = problemOf(set);
      if (problem === undefined) return { tag: "ok", val: crossing(set) };
      const text = `what the source returned: ${problem.field}: ${problem.message}`;
      return { tag: "err", val: { tag: "failed", val: text } };
    } catch (error) {
      if (error instanceof NotConfigured) {
        return { tag: "err", val: { tag: "not-configured", val: error.message } };
      }
      this.#thrown = error;
      // Its message stays here: nobody knows what is in it.
      const name = error instanceof Error ? error.name : typeOf(error);
      const text = `the source of the credentials threw ${name}`;
      return { tag: "err", val: { tag: "failed", val: text } };
    }
  }
}

function crossing({ accessKeyId, secretAccessKey, sessionToken, expiration }: Credentials) {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    ...(expiration !== undefined && {
      expiresAt: BigInt(Math.max(0, expiration.getTime())) * 1_000_000n,
    }),
  };
}

function problemOf(set: unknown): { field: string; message: string } | undefined {
  if (typeof set !== "object" || set === null) {
    return { field: "credentials", message: `expected an object, not ${typeOf(set)}` };
  }
  const fields = set as Record<keyof Credentials, unknown>;
  for (const field of ["accessKeyId", "secretAccessKey"] as const) {
    const value = fields[field];
    if (typeof value !== "string" || value === "") {
      const seen = value === "" ? "an empty one" : typeOf(value);
      return { field, message: `expected a string, not ${seen}` };
    }
  }
  const { sessionToken: token, expiration } = fields;
  if (token !== undefined && typeof token !== "string") {
    return { field: "sessionToken", message: `expected a string, not ${typeOf(token)}` };
  }
  const isDate = expiration instanceof Date && !Number.isNaN(expiration.getTime());
  if (expiration !== undefined && !isDate) {
    return { field: "expiration", message: `expected a valid Date, not ${typeOf(expiration)}` };
  }
  return undefined;
}

function fromEnvironment(): Credentials {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = process.env;
  if (!id || !secret) {
    const which = id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID";
    throw new NotConfigured(`the variable ${which} is not set`);
  }
  const sessionToken = process.env.AWS_SESSION_TOKEN || undefined;
  return { accessKeyId: id, secretAccessKey: secret, sessionToken };
}

/** The AWS SDK's chain, made when it is first asked. */
function fromSdk(): CredentialsFunction {
  let chain: Promise<CredentialsFunction> | undefined;
  return async (request) => {
    chain ??= loadChain();
    return (await chain)(request);
  };
}

async function loadChain(): Promise<CredentialsFunction> {
  try {
    const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
    return fromNodeProviderChain() as CredentialsFunction;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new NotConfigured("the package @aws-sdk/credential-providers is not installed");
  }
}

const sdk = fromSdk();

async function fromWhereverTheyAre(request: CredentialsRequest): Promise<Credentials> {
  if (process.env.AWS_ACCESS_KEY_ID || process.env.AWS_SECRET_ACCESS_KEY) return fromEnvironment();
  try {
    return await sdk(request);
  } catch (error) {
    if (!(error instanceof NotConfigured)) throw error;
    const variable = "the variable AWS_ACCESS_KEY_ID is not set";
    throw new NotConfigured(`${variable}, and ${error.message}`);
  }
}
