// Bounds the memory of a core module: engines take the bound from the module alone.

/**
 * The module with `bytesMax` as the most that its memory grows to. A module without a memory of its
 * own is returned as it is.
 */
export function withMemoryBound(module: Uint8Array<ArrayBuffer>, bytesMax: number) {
  const pagesMax = Math.floor(bytesMax / PAGE_BYTES);
  let at = HEADER_BYTES;
  while (at < module.length) {
    const id = module[at];
    const size = readLeb(module, at + 1);
    const end = size.end + size.value;
    if (id === MEMORY_SECTION) {
      const bounded = bound(module.subarray(size.end, end), pagesMax);
      return concatenated([module.subarray(0, at), bounded, module.subarray(end)]);
    }
    at = end;
  }
  return module;
}

/** https://webassembly.github.io/spec/core/binary/modules.html#memory-section */
function bound(section: Uint8Array, pagesMax: number): Uint8Array {
  const count = readLeb(section, 0);
  const flags = section[count.end];
  if (count.value !== 1 || flags === undefined || flags > 1) {
    throw new Error("the component's memory is of a kind that cannot be bounded");
  }
  const least = readLeb(section, count.end + 1).value;
  if (least > pagesMax) {
    throw new RangeError(`the component needs ${least * PAGE_BYTES} bytes of memory to begin with`);
  }
  const content = [1, 1, ...leb(least), ...leb(pagesMax)];
  return Uint8Array.from([MEMORY_SECTION, ...leb(content.length), ...content]);
}

function readLeb(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 1; ; shift *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("the component's core module is cut off");
    value += (byte & 127) * shift;
    if (byte < 128) return { value, end: at };
  }
}

function leb(value: number): number[] {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

function concatenated(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const PAGE_BYTES = 65_536;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;
