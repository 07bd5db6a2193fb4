// Proves arguments before any of them reaches the component.

import { inspect } from "node:util";
import { invalid } from "./errors.js";

const MAX_POSITION = 2n ** 64n - 1n;

/** What was seen, without its content: it may be a secret. */
export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") {
    const name = (value as object).constructor?.name;
    return name === undefined || name === "Object" ? "an object" : `a ${name}`;
  }
  return value === undefined ? "undefined" : `a ${typeof value}`;
}

/** The options, none of which has a name that does not exist. */
export function optionsOf<T extends object>(value: T | undefined, names: readonly string[]): T {
  if (value === undefined) return {} as T;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("options", `expected an object, not ${typeOf(value)}`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(unknown, `there is no such option; the options are ${names.join(", ")}`);
  }
  return value;
}

/** A position: from 0 up to the largest of 64 bits. */
export function position(field: string, value: unknown): bigint {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
    throw invalid(field, `expected an integer from 0 to 2^53 - 1, or a bigint, not ${value}`);
  }
  if (typeof value !== "bigint") {
    throw invalid(field, `expected a bigint or a number, not ${typeOf(value)}`);
  }
  if (value < 0n || value > MAX_POSITION) {
    throw invalid(field, `expected a position from 0 to 2^64 - 1, not ${value}`);
  }
  return value;
}

/** A moment in nanoseconds since 1970. */
export function moment(field: string, value: unknown): bigint {
  if (value instanceof Date) {
    const milliseconds = value.getTime();
    if (Number.isNaN(milliseconds)) throw invalid(field, "expected a valid Date");
    if (milliseconds < 0) throw invalid(field, "expected a Date from 1970 on");
    return BigInt(milliseconds) * 1_000_000n;
  }
  if (typeof value !== "bigint") {
    const expected = "expected a Date, or a bigint of nanoseconds since 1970";
    throw invalid(field, `${expected}, not ${typeOf(value)}`);
  }
  if (value < 0n || value > MAX_POSITION) {
    throw invalid(field, "expected nanoseconds since 1970, from 0 to 2^64 - 1");
  }
  return value;
}

/** A text that can be written as UTF-8. */
export function text(field: string, value: unknown): string {
  if (typeof value !== "string") throw invalid(field, `expected a string, not ${typeOf(value)}`);
  if (value === "") throw invalid(field, "expected a string that is not empty");
  return wellFormed(field, value);
}

/** A string without half a surrogate pair: as UTF-8, that would silently become U+FFFD. */
export function wellFormed(field: string, value: string): string {
  if (value.isWellFormed()) return value;
  throw invalid(field, "the string holds half a surrogate pair: pass its bytes");
}

export function bytes(field: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw invalid(field, `expected a Uint8Array, not ${typeOf(value)}`);
}

export function flag(field: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(field, `expected true or false, not ${typeOf(value)}`);
}

export function integer(field: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  const seen = typeof value === "number" ? value : typeOf(value);
  throw invalid(field, `expected an integer from ${min} to ${max}, not ${seen}`);
}

export function callback(field: string, value: unknown): void {
  if (typeof value !== "function") {
    throw invalid(field, `expected a function, not ${typeOf(value)}`);
  }
}

export function oneOf<T extends string>(field: string, value: unknown, names: readonly T[]): T {
  if (names.includes(value as T)) return value as T;
  const seen = typeof value === "string" ? inspect(value) : typeOf(value);
  throw invalid(field, `expected ${names.map((name) => `"${name}"`).join(" or ")}, not ${seen}`);
}

/** The configuration as JSON. What JSON would leave out or change is refused. */
export function configuration(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("config", `expected an object, not ${typeOf(value)}`);
  }
  return JSON.stringify(value, function (this: Record<string, unknown>, name) {
    // As it was written: some objects, such as a `Date`, hand their own text to JSON.
    const field = this[name];
    const isPlain = typeof field !== "object" || field === null || Array.isArray(field);
    const isJson =
      !["bigint", "function", "symbol"].includes(typeof field) &&
      (typeof field !== "number" || Number.isFinite(field)) &&
      (isPlain || [Object.prototype, null].includes(Object.getPrototypeOf(field)));
    if (isJson) return field;
    const seen = typeof field === "number" ? field : typeOf(field);
    throw invalid(name, `expected a value that JSON has, not ${seen}`);
  });
}
